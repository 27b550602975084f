"""Engines and toolboxes are chosen by name, a toolbox also role by role."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from fake_studio import FakeStudio, make_person
from fakes import FAKE_TOOLBOXES, FakeEngine, FakeFaces, OtherFaces, draw_faces, fake_toolboxes, save
from modelscope_weights import placeholder
from PIL import Image

from easyphoto.cli.app import main
from easyphoto.diagnostics import face_tools
from easyphoto.domain import PortraitRequest, QuickRequest, Template, TrainRequest
from easyphoto.errors import BadRequest
from easyphoto.faces.base import FaceToolbox
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.composed import ComposedToolbox
from easyphoto.faces.modelscope.files import RETINAFACE
from easyphoto.faces.modelscope.files import missing as missing_files
from easyphoto.faces.roles import Role
from easyphoto.jobs import CheckRequest, JobFile, JobQueue, Kind
from easyphoto.paths import Paths
from easyphoto.providers import ENGINES, TOOLBOXES, Toolboxes, make_engine
from easyphoto.studio import Studio


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


def test_one_name_is_that_provider_itself(paths: Paths):
    toolboxes = fake_toolboxes(paths)
    assert type(toolboxes.get("other")) is OtherFaces
    assert type(toolboxes.get()) is FakeFaces
    assert isinstance(Toolboxes(paths).get("built-in"), BuiltinToolbox)


def test_a_role_can_come_from_another_provider_than_its_neighbor(paths: Paths):
    faces: Any = fake_toolboxes(paths).get("retouch=other, recognize = other")
    assert faces.recognizer.name == "other"
    picture = draw_faces((200, 200), [((100, 100), 80, (190, 110, 90))])
    (face,) = faces.detect(picture)
    assert (faces.retouch(picture, face, 1.0)[0, 0] == (0, 0, 255)).all()
    assert (faces.matte(picture) == FakeFaces().matte(picture)).all()


def test_a_provider_is_made_once_for_all_roles_and_requests(paths: Paths):
    count: list[int] = []
    table = {**FAKE_TOOLBOXES, "other": lambda paths: count.append(1) or OtherFaces()}
    toolboxes = Toolboxes(paths, "fake", table)
    assert not count
    toolboxes.get("retouch=other,fuse=other,parse=other")
    toolboxes.get("other")
    assert len(count) == 1


def test_roles_that_are_not_named_come_from_the_default(paths: Paths):
    toolboxes = Toolboxes(paths, "retouch=other", FAKE_TOOLBOXES)
    assert toolboxes.get("fuse=fake").recognizer.name == "fake"
    assert "retouch=other" in toolboxes.name("fuse=fake") and "fuse=fake" in toolboxes.name("fuse=fake")
    assert toolboxes.name("other") == "other"
    assert toolboxes.get(toolboxes.name()).recognizer.name == "fake"


@pytest.mark.parametrize("asked", ["nobody", "retouch=nobody", "paint=fake", "retouch", "retouch,fuse=fake"])
def test_what_cannot_be_is_refused_with_what_there_is(paths: Paths, asked: str):
    with pytest.raises(BadRequest) as caught:
        fake_toolboxes(paths).check(asked)
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


def test_a_request_chooses_the_toolbox(paths: Paths, tmp_path: Path):
    studio = Studio(paths, FakeEngine(), fake_toolboxes(paths))  # type: ignore[arg-type]
    person = make_person(paths, "Ann")
    save(draw_faces((300, 300), [((150, 150), 120, (190, 110, 90))]), person.reference)
    shown = save(draw_faces((400, 400), [((200, 200), 150, (235, 190, 170))]), tmp_path / "template.png")
    plain = PortraitRequest(persons=("ann",), seed=1, retouch=True, color_last=False, enhance_detail=False)
    request = replace(plain, faces="retouch=other")
    made, usual = (studio.portrait(one, [Template(shown, "t")]).portraits[0] for one in (request, plain))
    blues = [Image.open(one.file).getpixel((200, 200))[2] for one in (made, usual)]
    assert blues[0] > 240 > blues[1]
    assert "EasyPhoto faces: fake," in usual.infotext  # the record says which it was, also where none was named
    assert "retouch=other" in made.infotext


@pytest.mark.parametrize(
    ("kind", "request_"),
    [
        (Kind.CHECK, CheckRequest("nobody")),
        (Kind.TRAIN, TrainRequest(person="Ann", consent=True, faces="fuse=nobody")),
        (Kind.PORTRAIT, PortraitRequest(persons=("ann",), faces="nobody")),
        (Kind.QUICK, QuickRequest(PortraitRequest(faces="nobody"), consent=True)),
    ],
)
def test_the_queue_refuses_an_unknown_toolbox_before_anything_is_stored(paths: Paths, kind: Kind, request_: Any):
    with closing(JobQueue(paths, FakeStudio(paths))) as queue:  # type: ignore[arg-type]
        with pytest.raises(BadRequest, match="nobody"):
            queue.submit(kind, request_, [JobFile(paths.root / "none.png", "none.png")])
        assert not queue.list()


def test_a_check_is_made_with_the_toolbox_that_was_asked_for(paths: Paths, tmp_path: Path):
    studio = FakeStudio(paths)
    photo = save(draw_faces((200, 200), []), tmp_path / "a.png")
    with closing(JobQueue(paths, studio)) as queue:  # type: ignore[arg-type]
        job = queue.submit(Kind.CHECK, CheckRequest("other"), [JobFile(photo, "a.png")])
        assert list(queue.watch(job.id, timeout=10))
    assert studio.calls == [("check", "other", ("a.png",))]


def test_engines_by_name(paths: Paths):
    assert type(make_engine("diffusers", paths)).__name__ == "LocalEngine"
    with pytest.raises(BadRequest, match="WebUI"):
        make_engine("webui", paths)
    with pytest.raises(BadRequest, match="nobody"):
        make_engine("nobody", paths)
    assert {"diffusers", "webui"} <= set(ENGINES) and "built-in" in TOOLBOXES


def test_the_command_line_chooses_by_name(paths: Paths, capsys: pytest.CaptureFixture[str]):
    data = ["--data", str(paths.root)]
    assert main(["persons", "list", *data, "--engine", "diffusers"]) == 0
    quick = ["quick", *data, "--consent", "--photos", str(paths.root), "--template", str(paths.root)]
    assert main([*quick, "--faces", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err
    assert isinstance(Studio.local(paths.root, faces="fuse=built-in").faces, BuiltinToolbox)


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> dict[Role, tuple[Path, ...]]:
    """What provider "half" lacks; it has no tool for the other roles."""
    lacking: dict[Role, tuple[Path, ...]] = {Role.DETECT: (), Role.RECOGNIZE: (Path("owner/net.pth"),)}
    monkeypatch.setattr("easyphoto.providers.MISSING_FILES", {"half": lambda paths: lacking})
    return lacking


def with_half(paths: Paths) -> Toolboxes:
    return Toolboxes(paths, "fake", {"fake": FAKE_TOOLBOXES["fake"], "half": lambda paths: OtherFaces()})


def test_a_role_without_its_file_is_the_first_providers_and_says_so(paths: Paths, missing: dict[Role, Any]):
    toolboxes = with_half(paths)
    choice = toolboxes.choice("half")
    assert choice.by_role == {**dict.fromkeys(Role, "fake"), Role.DETECT: "half"}
    (note,) = choice.notes
    assert "net.pth" in note.text() and "recognition" in note.text()
    assert "owner" not in note.text()
    assert toolboxes.get("half").recognizer.name == "fake"
    assert "recognize=fake" in toolboxes.name("half") and "detect=half" in toolboxes.name("half")
    missing[Role.RECOGNIZE] = ()
    assert not toolboxes.choice("half").notes
    assert toolboxes.get("half").recognizer.name == "other"


def test_auto_takes_what_is_there(paths: Paths, missing: dict[Role, Any]):
    choice = with_half(paths).choice("auto")
    assert choice.by_role == {**dict.fromkeys(Role, "fake"), Role.DETECT: "half"}
    assert not choice.notes
    assert with_half(paths).choice("detect=auto,recognize=half").notes


def test_a_role_that_a_provider_has_not_is_refused_by_name(paths: Paths, missing: dict[Role, Any]):
    with pytest.raises(BadRequest, match="tone"):
        with_half(paths).check("tone=half")


def test_only_what_is_there_is_offered(paths: Paths, missing: dict[Role, Any]):
    assert with_half(paths).names == ("fake", "half", "auto")
    missing[Role.DETECT] = (Path("net.pth"),)
    assert with_half(paths).names == ("fake",)


def test_without_files_the_built_in_tools_are_all_there_is(paths: Paths):
    assert Toolboxes(paths).names == ("built-in",)
    choice = Toolboxes(paths).choice("modelscope")
    assert set(choice.by_role.values()) == {"built-in"}
    assert len(choice.notes) == len(missing_files(paths))
    findings = {finding.name: finding for finding in face_tools(paths)}
    assert findings["faces detect"].value == "built-in" and "pytorch_model.pt" in findings["faces detect"].remedy
    placeholder(paths, RETINAFACE)
    assert Toolboxes(paths).names == ("built-in", "commercial-safe", "modelscope", "auto")
    assert next(face_tools(paths)).value == "modelscope"


def test_results_say_which_role_fell_back_and_networks_are_released(
    paths: Paths, missing: dict[Role, Any], tmp_path: Path
):
    released: list[int] = []

    class Releasing(OtherFaces):
        def release(self) -> None:
            released.append(1)

    toolboxes = Toolboxes(paths, "fake", {"fake": FAKE_TOOLBOXES["fake"], "half": lambda paths: Releasing()})
    studio = Studio(paths, FakeEngine(), toolboxes)  # type: ignore[arg-type]
    person = make_person(paths, "Ann")
    save(draw_faces((300, 300), [((150, 150), 120, (190, 110, 90))]), person.reference)
    shown = save(draw_faces((400, 400), [((200, 200), 150, (235, 190, 170))]), tmp_path / "template.png")
    request = PortraitRequest(persons=("ann",), seed=1, faces="half")
    (made,) = studio.portrait(request, [Template(shown, "t")]).portraits
    assert any("net.pth" in note.text() for note in made.notes)
    assert "recognize=fake" in made.infotext
    assert released
