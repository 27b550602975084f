"""A person in pictures of a workflow: each passes through the portrait journey as a template does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from easyphoto.domain import (
    KEEP,
    Checkpoint,
    Face,
    Person,
    Photo,
    PortraitRequest,
    QuickRequest,
    SavedPortrait,
    Template,
)
from easyphoto.errors import BadRequest, NoFace
from easyphoto.images import pixels
from easyphoto.library.uploads import scratch_folder
from easyphoto.locales import Message, message
from easyphoto.progress import Progress
from easyphoto.strength import PRESETS, Strength
from easyphoto.studio import Studio


@dataclass(frozen=True)
class PersonInPicture:
    """What a node is asked for. Raises BadRequest unless there is a person, or photos of one."""

    person: Person | None
    photos: tuple[Image.Image, ...] = ()  # of one person, in place of `person`
    consent: bool = False  # whoever is on the photos has agreed
    strength: Strength = Strength.NATURAL
    face: int = 1  # the one that changes, counted from the left; with a mask, of those in it
    seed: int = 0
    prompt: str = ""

    def __post_init__(self) -> None:
        if (self.person is None) == (not self.photos):
            raise BadRequest("comfyui.person-or-photos", stage="node")

    def numbered(self, number: int) -> PersonInPicture:
        """The same for that picture of a batch, the first of which is 0: each has the next seed."""
        return replace(self, seed=(self.seed + number) % 2**32)


@dataclass(frozen=True)
class PictureWithPerson:
    """The same size; what is to be said; the settings in the WebUI's text format."""

    picture: Image.Image
    notes: tuple[Message, ...]
    infotext: str


def put_person(
    asked: PersonInPicture, picture: Image.Image, mask: Image.Image | None, studio: Studio, report: Progress
) -> PictureWithPerson:
    """The picture with that person's face; what is 0 in the mask ("L", of its size) stays bit for bit.

    Raises NoFace where the face is not there, EasyPhotoError, Cancelled.
    """
    place = _place(studio.faces.detect(pixels(picture)), asked.face, mask)
    base = studio.engine.checkpoint(studio.engine.default())
    changes, notes = _changes(asked, base)
    with scratch_folder(studio.paths.jobs) as folder:
        template = Template(folder / "picture.png", "picture.png")
        picture.save(template.file)
        if asked.person is None:
            quick = QuickRequest.for_family(base.family, asked.consent, **changes)
            batch = studio.quick(quick, _photos(asked, folder), [template], report, folder / "made", face=place).batch
        else:
            persons = (*[KEEP] * place, asked.person.id)
            request = PortraitRequest.for_family(base.family, persons=persons, **changes)
            batch = studio.portrait(request, [template], report, folder / "made")
        for failure in batch.failures:
            raise failure
        (portrait,) = batch.portraits
        with Image.open(portrait.file) as opened:
            made = opened.convert("RGB")
    if mask is not None:
        made = Image.composite(made, picture, mask)
    return PictureWithPerson(made, (*notes, *portrait.notes, *_likeness(portrait)), portrait.infotext)


def _place(faces: Sequence[Face], number: int, mask: Image.Image | None) -> int:
    """Where from the left, 0 the first, the face stands that changes. Raises NoFace."""
    ordered = sorted(faces, key=lambda face: face.box.center[0])
    places = [place for place, face in enumerate(ordered) if mask is None or _is_in(face, mask)]
    if not places and ordered:
        raise NoFace("comfyui.no-face-in-mask", stage="node", count=len(ordered))
    if number > len(places):
        raise NoFace("comfyui.no-such-face", stage="node", number=number, count=len(places))
    return places[number - 1]


def _is_in(face: Face, mask: Image.Image) -> bool:
    """Whether the middle of the face is inside."""
    x, y = (round(value) for value in face.box.center)
    inside = 0 <= x < mask.width and 0 <= y < mask.height
    return inside and bool(mask.getpixel((x, y)))


def _changes(asked: PersonInPicture, base: Checkpoint) -> tuple[dict[str, Any], tuple[Message, ...]]:
    """What differs from the family's defaults. Whoever has no LoRA for the base model is only fused in."""
    spec, person, strength = base.family.spec, asked.person, asked.strength
    notes: tuple[Message, ...] = ()
    if spec.lora_required and not _knows(person, base) and strength is not Strength.FUSION:
        strength = Strength.FUSION
        notes = (message("script.no-lora", persons=[person.name], name=base.name),) if person else ()
    preset = {} if not spec.lora_required else dict(PRESETS[strength])
    preset |= {"base_model": base.name, "seed": asked.seed, "require_control": False}
    return preset | ({"prompt": asked.prompt} if asked.prompt.strip() else {}), notes


def _knows(person: Person | None, base: Checkpoint) -> bool:
    """Whether there is a LoRA for the base model that knows who it is; none does who is on photos."""
    family = base.family
    return person is not None and person.lora is not None and person.lora.family is family


def _photos(asked: PersonInPicture, folder: Path) -> list[Photo]:
    photos = []
    for number, picture in enumerate(asked.photos, 1):
        file = folder / f"photo-{number}.png"
        picture.save(file)
        photos.append(Photo(file, file.stem))
    return photos


def _likeness(portrait: SavedPortrait) -> tuple[Message, ...]:
    """How much the new face looks like the person."""
    return tuple(score.level.message for score in portrait.scores)
