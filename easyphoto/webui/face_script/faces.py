"""One picture of the host's with persons in it: it passes through the portrait journey as a template does."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from easyphoto.domain import (
    KEEP,
    Box,
    Checkpoint,
    Face,
    ModelFamily,
    Person,
    Photo,
    PortraitRequest,
    QuickRequest,
    SavedPortrait,
    Template,
)
from easyphoto.errors import BadRequest, MissingModel, NoFace, NotFound
from easyphoto.images import pixels
from easyphoto.library.uploads import UploadStore, scratch_folder
from easyphoto.locales import Message, message
from easyphoto.portrait.batch import PortraitBatch
from easyphoto.progress import Progress
from easyphoto.strength import Strength
from easyphoto.studio import Studio
from easyphoto.webui.face_script.arguments import FaceArguments
from easyphoto.webui.face_script.choices import FaceOrder
from easyphoto.webui.face_script.face_choice import by_face, face_order, most_alike


@dataclass(frozen=True)
class GeneratedPicture:
    """A picture that the host has generated, and what it was generated from."""

    picture: Image.Image
    prompt: str  # without tags of extra networks
    negative_prompt: str
    seed: int
    checkpoint: str  # any name of the host's for the one it was generated with


@dataclass(frozen=True)
class PictureWithFaces:
    """The same size, and what is to be said."""

    picture: Image.Image
    notes: tuple[Message, ...]
    boxes: tuple[Box, ...] = ()  # of the faces that were changed, in pixels


def put_faces(generated: GeneratedPicture, asked: FaceArguments, studio: Studio, report: Progress) -> PictureWithFaces:
    """The picture with the persons' faces. Raises EasyPhotoError, Cancelled; NoFace where it shows nobody."""
    found = studio.faces.detect(pixels(generated.picture))
    if not found:
        raise NoFace("script.no-face", stage="script")
    people = [find_person(studio, person) for person in asked.persons]
    base, changes, notes = _base(generated, asked, [person for person in people if person], studio)
    changes |= {"base_model": base.name, "seed": generated.seed, "require_control": False}
    if generated.prompt.strip():
        changes |= {"prompt": generated.prompt, "negative_prompt": generated.negative_prompt}
    with scratch_folder(studio.paths.jobs) as folder:
        template = Template(folder / "generated.png", "generated.png")
        generated.picture.convert("RGB").save(template.file)
        if asked.photos:
            request = QuickRequest.for_family(base.family, asked.consent, None, **changes)
            photos = read_photos(asked.photos, folder, studio)
            place = _places(generated, found, asked.order, {0: photos[0].file}, studio)[0]
            batch = studio.quick(request, photos, [template], report, folder / "made", face=place).batch
        else:
            there = {number: one for number, one in enumerate(people) if one}
            references = {number: one.reference for number, one in there.items()}
            places = _places(generated, found, asked.order, references, studio)
            persons = by_face([there[number].id for number in places], list(places.values()))
            portrait = PortraitRequest.for_family(base.family, persons=persons, **changes)
            batch = studio.portrait(portrait, [template], report, folder / "made")
        return _opened(batch, generated.picture.size, notes)


def _places(
    generated: GeneratedPicture, found: Sequence[Face], order: FaceOrder, references: Mapping[int, Path], studio: Studio
) -> dict[int, int]:
    """Number of a person among those asked for -> place of their face from left to right. Raises NoFace for nobody."""
    if order is FaceOrder.ALIKE:
        return most_alike(pixels(generated.picture), found, references, studio.faces)
    places = dict(enumerate(face_order(found, order)))
    known = {number: places[number] for number in references if number in places}
    if not known:
        raise NoFace("script.no-face", stage="script")
    return known


def shown_names(people: Sequence[Person]) -> dict[str, str]:
    """Id -> the name in the fields: the person's, or the id where two have one name."""
    count = Counter(person.name for person in people)
    return {person.id: person.name if count[person.name] == 1 else person.id for person in people}


def find_person(studio: Studio, person: str) -> Person | None:
    """By id, or by the only one of that name; None for KEEP. Raises NotFound."""
    if person == KEEP:
        return None
    named = [one for one in studio.library.list() if person in (one.id, one.name)]
    if len(named) != 1:
        raise NotFound("library.no-person", stage="script", id=person)
    return named[0]


def _base(
    generated: GeneratedPicture, asked: FaceArguments, people: Sequence[Person], studio: Studio
) -> tuple[Checkpoint, dict[str, object], tuple[Message, ...]]:
    """The base model, what is changed of its defaults, and notes. Whoever has no LoRA for it is only fused in."""
    only_fused = replace(asked, strength=Strength.FUSION).changes
    try:
        base = studio.engine.checkpoint(generated.checkpoint)
    except MissingModel:  # the host generates with a family that is not ours
        base = studio.engine.checkpoint(studio.engine.default())
        return base, only_fused, (message("script.other-family", name=generated.checkpoint),)
    if asked.photos:  # no LoRA knows who is on them
        return base, only_fused, ()
    strangers = [person.name for person in people if not _fits(person, base.family)]
    if strangers and asked.strength is not Strength.FUSION:
        return base, only_fused, (message("script.no-lora", persons=strangers, name=base.name),)
    return base, dict(asked.changes), ()


def _fits(person: Person, family: ModelFamily) -> bool:
    return person.lora is not None and person.lora.family is family


def read_photos(given: Sequence[str], folder: Path, studio: Studio) -> list[Photo]:
    """Photos by upload or as base64, which is written into that folder. Raises BadRequest, NotFound."""
    photos = []
    for number, one in enumerate(given, 1):
        if len(one) == 32 and "/" not in one:
            upload = UploadStore(studio.paths.uploads).open(one)
            photos.append(Photo(upload.file, upload.name))
            continue
        file = folder / f"photo-{number}"
        try:
            file.write_bytes(base64.b64decode(one.partition("base64,")[2] or one, validate=True))
        except binascii.Error as problem:
            raise BadRequest("script.value", stage="script", name="photos", value=one[:20]) from problem
        photos.append(Photo(file, file.name))
    return photos


def _opened(batch: PortraitBatch, size: tuple[int, int], notes: tuple[Message, ...]) -> PictureWithFaces:
    """The one portrait of that batch, in memory."""
    for failure in batch.failures:
        raise failure
    (portrait,) = batch.portraits
    boxes = tuple(score.box for score in portrait.scores)
    return PictureWithFaces(_picture(portrait, size), (*notes, *portrait.notes), boxes)


def _picture(portrait: SavedPortrait, size: tuple[int, int]) -> Image.Image:
    with Image.open(portrait.file) as saved:
        made = saved.convert("RGB")
    return made if made.size == size else made.resize(size, Image.Resampling.LANCZOS)


@contextmanager
def restored(file: Path) -> Iterator[None]:
    """After the block the file has its content again: the host writes there what it generated last."""
    before = file.read_bytes() if file.is_file() else None
    try:
        yield
    finally:
        if before is not None:
            file.write_bytes(before)
