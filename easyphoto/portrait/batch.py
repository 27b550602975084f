"""Several templates in one go: a bad one is reported and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from easyphoto.domain import Person, Portrait, PortraitRequest, SavedPortrait, Template
from easyphoto.errors import BadRequest, EasyPhotoError, PersonGone
from easyphoto.faces.base import FaceToolbox
from easyphoto.images import save_picture
from easyphoto.library import Library
from easyphoto.paths import LONGEST_STEM, free_name, shortened
from easyphoto.portrait.drawing import check_drawing
from easyphoto.portrait.extra_loras import check_loras
from easyphoto.portrait.generate import Tools, generate, order_of
from easyphoto.portrait.subject import Subject, open_subject
from easyphoto.private_files import make_private
from easyphoto.progress import Cancelled, Progress, Step
from easyphoto.stages import Stage
from easyphoto.system_errors import failure_of

STEM = LONGEST_STEM - 12
"""Bytes of a template's name in its portrait's; the rest is for the seed."""

TRIED = 2_000_000
"""Bytes that must fit into the folder before anything is rendered."""

OnResult = Callable[[SavedPortrait | EasyPhotoError], None]
"""Called with every portrait as soon as it is saved, and with the failure of every template that gave none."""


def discard(result: SavedPortrait | EasyPhotoError) -> None:
    """An OnResult that waits for the whole batch."""


@dataclass(frozen=True)
class BatchContext:
    """Where persons come from and portraits go to."""

    tools: Tools
    library: Library
    folder: Path
    on_result: OnResult = discard


@dataclass(frozen=True)
class PortraitBatch:
    """What came out, and what could not be made."""

    portraits: tuple[SavedPortrait, ...]
    failures: tuple[EasyPhotoError, ...]


def generate_batch(
    request: PortraitRequest, templates: Sequence[Template], context: BatchContext, report: Progress
) -> PortraitBatch:
    """A portrait for every template and variation in one engine session, the persons' photos read once.

    Each is saved into `context.folder` and handed to `context.on_result` as it is finished.
    Raises NotFound or NoFace for a person that cannot be opened, BadRequest for one without the LoRA that the base
    model needs, MissingModel for a LoRA that is asked for besides, PersonGone for one deleted meanwhile, EasyPhotoError
    for a folder that cannot be written, before anything is rendered. A template that fails, or whose portrait cannot be
    saved, fails alone.
    """
    tools, faces = context.tools, context.tools.faces
    people = {name: _opened(name, context.library, faces) for name in order_of(request.persons)}
    _check_loras(request, [subject.person for subject in people.values()], tools)
    family = tools.engine.checkpoint(request.base_model).family
    check_drawing(request, family)
    check_loras(request, family, tools.weights)
    _check_folder(context.folder)
    to = _Destination(context.library, context.folder, tuple(subject.person for subject in people.values()))
    request, templates = request.in_turns(templates)
    results: list[SavedPortrait | EasyPhotoError] = []
    with tools.engine.session():
        for number, template in enumerate(templates):
            report(Step(Stage.PORTRAIT, number, len(templates), template.name))
            results.append(_attempt(template, lambda one: generate(request, one, people, tools, report), to))
            context.on_result(results[-1])
    report(Step(Stage.PORTRAIT, len(templates), len(templates)))
    return PortraitBatch(
        tuple(result for result in results if isinstance(result, SavedPortrait)),
        tuple(result for result in results if isinstance(result, EasyPhotoError)),
    )


def _opened(name: str, library: Library, faces: FaceToolbox) -> Subject:
    """Raises PersonGone for one deleted while their photos are read, whatever was missing first."""
    person = library.open(name)
    try:
        return open_subject(person, faces)
    except EasyPhotoError:
        with library.unchanged([person]):
            raise


def _check_folder(folder: Path) -> None:
    """Write a file of a portrait's size there and delete it again. Raises EasyPhotoError."""
    try:
        make_private(folder)
        with TemporaryFile(dir=folder) as tried:
            tried.write(bytes(TRIED))
    except OSError as error:
        failure = failure_of(error, [folder], "save")
        if failure is None:
            raise
        failure.file = str(folder)
        raise failure from error


def _check_loras(request: PortraitRequest, persons: Sequence[Person], tools: Tools) -> None:
    """A base model that knows nothing of a person paints somebody else; a LoRA weight of 0 asks for just that.

    With an identity weight the engine shows it the person, or says that it cannot.
    """
    base = tools.engine.checkpoint(request.base_model)
    if not base.family.spec.lora_required or request.lora_weight == 0 or request.identity_weight > 0:
        return
    for person in persons:
        if person.lora is None:
            raise BadRequest("portrait.no-lora", stage="person", person=person.name, name=base.name)


@dataclass(frozen=True)
class _Destination:
    """Where portraits are saved, as long as nobody in them is deleted."""

    library: Library
    folder: Path
    persons: tuple[Person, ...]


def _attempt(
    template: Template, make: Callable[[Template], Portrait], to: _Destination
) -> SavedPortrait | EasyPhotoError:
    """The saved portrait, or why there is none."""
    try:
        return _saved(make(template), to)
    except (PersonGone, Cancelled):
        raise
    except Exception as error:
        failure = failure_of(error, [to.folder], "portrait")
        if failure is None:
            raise
        with to.library.unchanged(to.persons):  # else what failed is that they are gone
            failure.file = failure.file or template.name
            return failure


def _saved(portrait: Portrait, to: _Destination) -> SavedPortrait:
    """In its file. Raises PersonGone, OSError when the system will not write."""
    with to.library.unchanged(to.persons):
        make_private(to.folder)
        file = free_name(to.folder, f"{shortened(Path(portrait.template).stem, STEM)}-{portrait.seed}")
        save_picture(portrait.picture, file, portrait.infotext)
    return SavedPortrait.of(portrait, file)
