"""The always-on script on a fake host: a studio of fakes, a person, pictures with faces, and the host's job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from extension_world import FakeHost, open_host
from fake_studio import make_person
from fakes import FakeEngine, draw_faces, fake_toolboxes, save
from PIL import Image

from easyphoto.domain import ModelFamily, Person, Rendered, RenderJob
from easyphoto.paths import Paths
from easyphoto.progress import Progress
from easyphoto.studio import Studio
from easyphoto.webui.face_script import pictures

TAN, PALE = (190, 110, 90), (235, 190, 170)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    host = open_host(tmp_path, monkeypatch)
    host.options.data["sd_model_checkpoint"] = "built-in"
    host.options.sd_model_checkpoint = "built-in"  # type: ignore[attr-defined]
    return host


class Engine(FakeEngine):
    """Without remarks of its own."""

    def render(self, job: RenderJob, report: Progress) -> Rendered:
        return replace(super().render(job, report), notes=())


@pytest.fixture
def studio(host: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    paths = Paths(tmp_path / "data")
    made = Studio(paths, Engine(ModelFamily.SD15), fake_toolboxes(paths))  # type: ignore[arg-type]
    monkeypatch.setattr(pictures, "host_studio", lambda: made)
    return made


@pytest.fixture
def anna(studio: Studio, tmp_path: Path) -> Person:
    person = make_person(studio.paths, "Anna")
    person.reference.write_bytes(face_file(tmp_path, TAN).read_bytes())
    return person


def face_file(folder: Path, color: tuple[int, int, int]) -> Path:
    return save(draw_faces((300, 300), [((150, 150), 130, color)]), folder / "face.png")


def a_picture(*widths: int) -> Image.Image:
    """Pale faces of these widths from left to right."""
    faces = [((200 + 300 * number, 250), width, PALE) for number, width in enumerate(widths)]
    return Image.fromarray(draw_faces((300 * max(len(widths), 1) + 100, 500), faces))


class Job(SimpleNamespace):
    """The host's job of two iterations with two pictures each, at the first picture."""

    def __init__(self, **more: Any) -> None:
        given = {"batch_size": 2, "iteration": 0, "batch_index": 0, "extra_generation_params": {}, "remarks": []}
        given |= {"all_prompts": [f"portrait {n} <lora:style:1>" for n in range(4)], "all_seeds": [11, 12, 13, 14]}
        super().__init__(**{**given, "all_negative_prompts": ["blurry"] * 4, **more})

    def comment(self, text: str) -> None:
        self.remarks.append(text)


def tan_faces(picture: Image.Image, count: int) -> list[bool]:
    """Whether each face has the person's color."""
    array = np.asarray(picture)
    return [bool(array[250, 200 + 300 * number, 2] < 140) for number in range(count)]


def after(job: Job, picture: Image.Image, **named: Any) -> Image.Image:
    pp = SimpleNamespace(image=picture)
    pictures.after_picture(job, pp, ({"strength": "fusion-only", **named},))
    return pp.image
