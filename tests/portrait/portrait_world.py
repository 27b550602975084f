"""Persons, templates and requests in the miniature world of `fakes`."""

from pathlib import Path

from fakes import FakeEngine, FakeFaces, draw_faces, no_weights, save

from easyphoto.domain import LoraCheckpoint, ModelFamily, Person, PortraitRequest, Template
from easyphoto.portrait.generate import Tools, generate
from easyphoto.portrait.subject import Subject
from easyphoto.progress import silent

TAN, PALE, DARK = (190, 110, 90), (235, 190, 170), (120, 60, 40)


def person(folder: Path, name: str, color: tuple[int, int, int]) -> Person:
    folder = folder / name
    folder.mkdir()
    photo = save(draw_faces((300, 300), [((150, 150), 120, color)]), folder / "0.png")
    lora = LoraCheckpoint(folder / "person.safetensors", ModelFamily.BUILTIN, 4, 10)
    return Person(name, name.title(), folder, lora, photo, None, (photo,))


def template(folder: Path, *faces: tuple[tuple[int, int], int]) -> Template:
    file = save(draw_faces((900, 700), [(center, width, PALE) for center, width in faces]), folder / "template.png")
    return Template(file, "template.png")


def make(
    request: PortraitRequest,
    shown: Template,
    *people: Subject,
    engine: FakeEngine | None = None,
    faces: FakeFaces | None = None,
):
    tools = Tools(engine or FakeEngine(), faces or FakeFaces(), no_weights)
    return generate(request, shown, {s.person.id: s for s in people}, tools, silent)


PAINTED = {"first_denoising_strength": 0.1, "fusion_after": True, "second_pass": True}
"""The built-in model's passes, which are off unless they are asked for."""


def request(*persons: str, **changes) -> PortraitRequest:
    return PortraitRequest.for_family(ModelFamily.BUILTIN, persons=persons, seed=7, **{**PAINTED, **changes})
