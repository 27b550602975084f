"""The always-on script on a fake host: which face becomes whom, what is written into the text, what is swallowed."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from extension_world import FakeHost, FakeScript
from fake_studio import make_person
from fakes import draw_faces
from PIL import Image
from script_world import PALE, TAN, Job, a_picture, after, face_file, tan_faces

from easyphoto.domain import LoraCheckpoint, ModelFamily, Person, PortraitRequest
from easyphoto.errors import BadRequest
from easyphoto.progress import Cancelled
from easyphoto.strength import Strength
from easyphoto.studio import Studio
from easyphoto.webui.face_script import axes, pictures
from easyphoto.webui.face_script.arguments import FaceArguments, from_names, read_arguments
from easyphoto.webui.face_script.choices import FaceOrder
from easyphoto.webui.face_script.face_choice import by_face, face_order
from easyphoto.webui.face_script.script import picture_callback, script_class

pytest_plugins = ["script_world"]  # fixtures


def test_persons_are_given_to_faces_from_left_to_right(studio: Studio, anna: Person):
    job, picture = Job(), a_picture(130, 130)
    made = after(job, picture, persons=["Anna"])
    assert tan_faces(made, 2) == [True, False]
    assert tan_faces(after(job, picture, persons=["", anna.id]), 2) == [False, True]
    assert made.size == picture.size
    assert job.remarks == []
    assert not list(studio.paths.portraits.rglob("*.png")), "the host keeps the picture, we keep nothing"
    assert [file for file in studio.paths.jobs.rglob("*") if file.is_file()] == []


@pytest.mark.parametrize(
    ("order", "changed"), [("largest-first", 1), ("smallest-first", 2), ("right-to-left", 2), ("bottom-to-top", 0)]
)
def test_faces_are_counted_as_asked(studio: Studio, anna: Person, order: str, changed: int):
    made = after(Job(), a_picture(130, 170, 110), persons=["Anna"], order=order)
    assert tan_faces(made, 3) == [number == changed for number in range(3)]


def test_whoever_looks_like_a_person_becomes_them(
    studio: Studio, anna: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Recognition of the fakes compares colors: Anna is tan, Bea is pale, and so are the second and the first face."""
    bea = make_person(studio.paths, "Bea")
    bea.reference.write_bytes(face_file(tmp_path, PALE).read_bytes())
    shades = [(235, 190, 172), (200, 130, 110), (120, 60, 40)]
    faces = [((200 + 300 * number, 250), 130, color) for number, color in enumerate(shades)]
    asked: list[tuple[str, ...]] = []

    def portrait(request: PortraitRequest, *more: Any) -> None:
        asked.append(request.persons)
        raise Cancelled

    monkeypatch.setattr(studio, "portrait", portrait)
    for persons in (["Anna", "Bea"], ["Bea", "", "Anna"], ["Anna"]):
        after(Job(), Image.fromarray(draw_faces((1000, 500), faces)), persons=persons, order="most-alike")
    assert asked == [("bea", "anna"), ("bea", "anna"), ("", "anna")]


def test_photos_stand_in_for_a_person(studio: Studio, tmp_path: Path):
    photo = base64.b64encode(face_file(tmp_path, TAN).read_bytes()).decode()
    job = Job()
    made = after(job, a_picture(110, 160), photos=[photo], consent=True, order="largest-first")
    assert tan_faces(made, 2) == [False, True], job.remarks
    assert studio.library.list() == ()
    job = Job()
    after(job, a_picture(110), photos=[photo])
    assert "consent" in job.remarks[0].lower() or "agreed" in job.remarks[0].lower()


def test_no_face_no_person_and_a_wrong_name_leave_the_picture_and_are_remarked(studio: Studio, anna: Person):
    for named, word in (
        ({"persons": ["Anna"]}, "No face"),
        ({"persons": ["Bea"]}, "bea"),
        ({"person": "x"}, "persons"),
    ):
        job, picture = Job(), a_picture() if word == "No face" else a_picture(120)
        assert after(job, picture, **named) is picture
        assert len(job.remarks) == 1
        assert word.lower() in job.remarks[0].lower()


def test_prompt_and_seed_are_those_of_the_picture_without_extra_networks(host: FakeHost):
    found = pictures.generated(Job(iteration=1, batch_index=1), a_picture())
    assert (found.prompt, found.negative_prompt, found.seed) == ("portrait 3", "blurry", 14)
    assert found.checkpoint == "built-in"


def test_with_a_lora_the_face_is_repainted_else_only_fused_with_a_remark(
    studio: Studio, anna: Person, monkeypatch: pytest.MonkeyPatch
):
    job = Job()
    after(job, a_picture(130), persons=["Anna"], strength="natural")
    assert studio.engine.jobs == []  # type: ignore[attr-defined]
    assert "no LoRA" in job.remarks[0]
    lora = LoraCheckpoint(anna.folder / "x.safetensors", ModelFamily.SD15, 4, 1)
    monkeypatch.setattr(studio.library, "open", lambda identifier: replace(anna, lora=lora))
    monkeypatch.setattr(studio.library, "list", lambda: (replace(anna, lora=lora),))
    after(Job(), a_picture(130), persons=["Anna"], strength="strong", denoising_strength=0.3)
    first = studio.engine.jobs[0]  # type: ignore[attr-defined]
    assert (first.strength, first.loras[0].weight) == (0.3, 1.0)
    assert first.prompt.endswith("portrait 0")


def test_a_button_of_the_hosts_ends_it(host: FakeHost, studio: Studio, anna: Person, monkeypatch: pytest.MonkeyPatch):
    job, picture = Job(), a_picture(120)
    host.state.skipped = True
    assert after(job, picture, persons=["Anna"]) is picture
    host.state.skipped = False

    def press(*given: Any, **more: Any) -> None:
        host.state.interrupted = True
        pictures.heed_buttons(None)  # type: ignore[arg-type]

    monkeypatch.setattr(studio, "portrait", press)
    assert after(job, picture, persons=["Anna"]) is picture
    assert job.remarks == []


def test_the_hosts_memory_of_its_last_settings_stays(
    host: FakeHost, studio: Studio, anna: Person, monkeypatch: pytest.MonkeyPatch
):
    file, real = host.data / "params.txt", studio.portrait
    file.write_text("the user's")
    monkeypatch.setattr(studio, "portrait", lambda *a: (file.write_text("ours"), real(*a))[1])
    assert tan_faces(after(Job(), a_picture(130), persons=["Anna"]), 1) == [True]
    assert file.read_text() == "the user's"


def test_the_text_of_the_picture_names_nobody_and_can_be_pasted_back(studio: Studio, anna: Person):
    job = Job()
    pictures.process(job, ({"persons": ["", "Anna"], "strength": "strong", "denoising_strength": 0.4},))
    told = job.extra_generation_params
    assert "Anna" not in str(told)
    assert anna.id not in str(told).split()
    assert told["EasyPhoto face strength"] == "strong"
    assert pictures.pasted_persons(told, studio) == ["", "Anna"]
    pictures.process(job, ({"persons": ["Bea"]},))
    assert len(job.remarks) == 1


def test_axes_of_the_plot_change_one_cell_alone(studio: Studio, anna: Person):
    first, second = Job(), Job()
    axes.setter("strength", Strength)(first, "fusion-only", None)
    second.easyphoto_axes = first.easyphoto_axes
    axes.setter("persons", lambda value: (value,))(second, "Anna", None)
    assert axes.with_axes(FaceArguments(), first) == FaceArguments(True, strength=Strength.FUSION)
    assert axes.with_axes(FaceArguments(), second).persons == ("Anna",)


def test_the_axes_are_added_once_where_there_is_a_plot(host: FakeHost):
    import sys

    axes.add_axes()
    plot = SimpleNamespace(axis_options=[SimpleNamespace(label="Nothing")], AxisOption=_Axis)
    sys.modules["modules.scripts"].scripts_data = [SimpleNamespace(path="scripts/xyz_grid.py", module=plot)]  # type: ignore[attr-defined]
    axes.add_axes()
    axes.add_axes()
    assert [option.label.split("] ")[-1] for option in plot.axis_options] == [
        "Nothing",
        "Person",
        "Strength",
        "Denoising strength",
    ]


class _Axis:
    def __init__(self, label: str, kind: type, apply: Any, choices: Any = None) -> None:
        self.label, self.kind, self.apply, self.choices = label, kind, apply, choices


@pytest.mark.parametrize(
    "given",
    [{"faces": 1}, {"strength": "much"}, {"order": 3}, {"persons": [1]}, {"denoising_strength": 2}, {"enabled": "no"}],
)
def test_what_cannot_be_is_refused_by_name(given: dict[str, Any]):
    with pytest.raises(BadRequest) as caught:
        from_names(given)
    assert next(iter(given)) in str(caught.value)


def test_arguments_of_the_page_and_of_the_api_are_one():
    page = (True, "Strong", "从大到小", 0.4, "", False, "anna", "", "bea", "")
    named = {
        "denoising_strength": 0.4,
        "strength": "strong",
        "order": "largest-first",
        "persons": ["anna", "", "bea", ""],
    }
    assert read_arguments(page) == read_arguments((named, *page[1:]))
    assert not read_arguments((False, *page[1:])).acts
    assert not read_arguments(({"persons": ["anna"], "enabled": False},)).acts
    assert not read_arguments(()).acts


def test_orders_and_places():
    assert by_face(["a", "b"], [2, 0]) == ("b", "", "a")
    assert by_face(["a", "b"], [0]) == ("a",)
    assert face_order([], FaceOrder.TOP) == []


def test_the_class_is_what_the_host_looks_for(host: FakeHost):
    host.load()
    (made,) = host.scripts
    assert made is not FakeScript
    script = made()
    assert (script.title(), script.show(True)) == ("EasyPhoto", "always")  # type: ignore[attr-defined]
    assert picture_callback(type("Old", (), {})) == "postprocess_image"
    assert "postprocess_image_after_composite" in vars(script_class())
    job = Job()
    script.process(job, False, "natural")  # type: ignore[attr-defined]
    assert job.extra_generation_params == {}
