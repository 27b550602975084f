"""Engines and toolboxes are chosen by name, a toolbox also role by role."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import FakeEngine, FakeFaces, draw_faces, save

from easyphoto.cli.app import main
from easyphoto.domain import Face, Person, Pixels, PortraitRequest, Template
from easyphoto.errors import BadRequest
from easyphoto.faces.base import FaceToolbox, Recognizer
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.composed import ComposedToolbox, Role
from easyphoto.paths import Paths
from easyphoto.portrait.generate import Tools, generate
from easyphoto.portrait.subject import open_subject
from easyphoto.progress import silent
from easyphoto.providers import ENGINES, TOOLBOXES, make_engine, make_toolbox
from easyphoto.studio import Studio


class OtherFaces(FakeFaces):
    """Another provider: other distances, and a retouching that paints blue."""

    recognizer = Recognizer("other", same=0.5, strict=0.3)

    def retouch(self, picture: Pixels, face: Face, ratio: float) -> Pixels:
        return np.full_like(picture, (0, 0, 255))


FAKES = {"fake": lambda paths: FakeFaces(), "other": lambda paths: OtherFaces()}


def made(asked: str, paths: Paths) -> Any:
    return make_toolbox(asked, paths, FAKES, "fake")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


def test_one_name_is_that_provider_itself(paths: Paths):
    assert type(made("other", paths)) is OtherFaces
    assert type(made("", paths)) is FakeFaces
    assert isinstance(make_toolbox("built-in", paths), BuiltinToolbox)


def test_a_role_can_come_from_another_provider_than_its_neighbor(paths: Paths):
    faces = made("retouch=other, recognize = other", paths)
    assert faces.recognizer.name == "other"
    picture = draw_faces((200, 200), [((100, 100), 80, (190, 110, 90))])
    (face,) = faces.detect(picture)
    assert (faces.retouch(picture, face, 1.0)[0, 0] == (0, 0, 255)).all()
    assert (faces.matte(picture) == FakeFaces().matte(picture)).all()


def test_a_provider_of_several_roles_is_made_once(paths: Paths):
    count: list[int] = []
    table = {"fake": lambda paths: FakeFaces(), "other": lambda paths: count.append(1) or OtherFaces()}
    make_toolbox("retouch=other,fuse=other,parse=other", paths, table, "fake")
    assert len(count) == 1


@pytest.mark.parametrize("asked", ["nobody", "retouch=nobody", "paint=fake", "retouch", "retouch,fuse=fake"])
def test_what_cannot_be_is_refused_with_what_there_is(paths: Paths, asked: str):
    with pytest.raises(BadRequest) as caught:
        made(asked, paths)
    assert "fake" in caught.value.remedy or "detect" in caught.value.remedy


def test_the_roles_cover_the_whole_toolbox(paths: Paths):
    methods = {name for name in vars(FaceToolbox) if not name.startswith("_")}
    assert methods <= set(vars(ComposedToolbox))
    calls: set[str] = set()

    class Noting:
        def __init__(self, role: Role) -> None:
            self.role = role

        def __getattr__(self, name: str) -> Any:
            calls.add(f"{self.role.value}.{name}")
            return lambda *_: None

    whole = ComposedToolbox({role: Noting(role) for role in Role})  # type: ignore[misc]
    for name in methods - {"recognizer"}:
        given = [p for p in signature(getattr(whole, name)).parameters.values() if p.default is p.empty]
        getattr(whole, name)(*[None] * len(given))
    _ = whole.recognizer
    assert {call.split(".")[0] for call in calls} == {role.value for role in Role}
    assert {call.split(".")[1] for call in calls} == methods


def test_a_portrait_is_made_with_a_composed_toolbox(paths: Paths, tmp_path: Path):
    photo = save(draw_faces((300, 300), [((150, 150), 120, (190, 110, 90))]), tmp_path / "ann.png")
    shown = save(draw_faces((400, 400), [((200, 200), 150, (235, 190, 170))]), tmp_path / "template.png")
    faces = made("retouch=other", paths)
    subject = open_subject(Person("ann", "Ann", tmp_path, None, photo, None, (photo,)), faces)
    request = PortraitRequest(persons=("ann",), seed=1, retouch=True, color_last=False, enhance_detail=False)
    portrait = generate(request, Template(shown, "t"), {"ann": subject}, Tools(FakeEngine(), faces), silent)
    assert portrait.picture.getpixel((200, 200))[2] > 240  # the other provider's blue


def test_engines_by_name(paths: Paths):
    assert type(make_engine("diffusers", paths)).__name__ == "LocalEngine"
    with pytest.raises(BadRequest, match="WebUI"):
        make_engine("webui", paths)
    with pytest.raises(BadRequest, match="nobody"):
        make_engine("nobody", paths)
    assert {"diffusers", "webui"} <= set(ENGINES) and "built-in" in TOOLBOXES


def test_the_command_line_chooses_by_name(paths: Paths, capsys: pytest.CaptureFixture[str]):
    data = ["--data", str(paths.root)]
    assert main(["persons", "list", *data, "--faces", "detect=built-in", "--engine", "diffusers"]) == 0
    assert main(["persons", "list", *data, "--faces", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err
    assert isinstance(Studio.local(paths.root, faces="fuse=built-in").faces, BuiltinToolbox)
