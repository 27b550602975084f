"""Quick portraits: photos and templates in, portraits out, without a training and without a person in the library."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock

from easyphoto.domain import (
    KEEP,
    MOST_PHOTOS,
    Photo,
    PhotoReport,
    PortraitRequest,
    QuickRequest,
    Template,
    TrainRequest,
    Verdict,
)
from easyphoto.errors import BadRequest
from easyphoto.library import Library, PersonDraft
from easyphoto.library.filesystem import Deleted, delete_tree
from easyphoto.library.lock import is_free
from easyphoto.locales import Message, message
from easyphoto.paths import Paths
from easyphoto.portrait.batch import BatchContext, OnResult, PortraitBatch, discard, generate_batch
from easyphoto.portrait.generate import Tools
from easyphoto.private_files import make_private
from easyphoto.progress import Progress
from easyphoto.training.prepare import prepare

_FOLDERS, _LOCK = "quick-", "lock"


@dataclass(frozen=True)
class QuickContext:
    """Tools, where the photos' crops lie while portraits are made, and where portraits go."""

    tools: Tools
    paths: Paths
    folder: Path
    on_result: OnResult = discard
    face: int = 0  # the one that changes, counted from the left


@dataclass(frozen=True)
class QuickPortraits:
    """What came out, and what is to be said of the photos."""

    batch: PortraitBatch
    reports: tuple[PhotoReport, ...]
    warnings: tuple[Message, ...]


def quick_portraits(
    request: QuickRequest,
    photos: Sequence[Photo],
    templates: Sequence[Template],
    context: QuickContext,
    report: Progress,
) -> QuickPortraits:
    """A portrait for every template as `generate_batch` makes them, with a person who has no LoRA and is not kept.

    The photos are checked and prepared as for a training: of more than `MOST_PHOTOS` the best are used and a warning
    names the others. All that is made of them is deleted at the end. Raises BadRequest without consent or photos,
    NoFace where no photo can be used, and what `generate_batch` raises.
    """
    _check(request, photos)
    with _workplace(context.paths) as place:
        # Portraits enhance the one or two photos they use; here it would be all of them.
        plain = TrainRequest(enhance_photos=False)
        training_set = prepare(photos, plain, context.tools.faces, place / "set", report)
        library = Library(Paths(place, context.paths.models))
        # A name that nobody else has: portraits of two people must not bear one person's mark.
        person = library.create(PersonDraft(f"quick-{secrets.token_hex(8)}", training_set, lora=None))
        portrait = replace(request.portrait, persons=(*[KEEP] * context.face, person.id))
        batch = generate_batch(
            portrait,
            templates,
            BatchContext(_with_note(context.tools, portrait), library, context.folder, context.on_result),
            report,
        )
    warnings = (*training_set.warnings, *_left_over(training_set.reports))
    return QuickPortraits(batch, training_set.reports, warnings)


def _check(request: QuickRequest, photos: Sequence[Photo]) -> None:
    """Refuse before anything is read."""
    if not request.consent:
        raise BadRequest("quick.no-consent", stage="preflight")
    if not photos:
        raise BadRequest("jobs.no-picture", stage="preflight")


def _with_note(tools: Tools, request: PortraitRequest) -> Tools:
    """Every portrait says by what the base model was shown the face, which nobody may have asked for."""
    adapter = tools.engine.identity_adapter(tools.engine.checkpoint(request.base_model).family)
    if request.identity_weight == 0 or adapter is None:
        return tools
    note = message("quick.note.identity", name=adapter.name, weight=request.identity_weight)
    return replace(tools, notes=(*tools.notes, note))


def _left_over(reports: Sequence[PhotoReport]) -> tuple[Message, ...]:
    """The warning that names good photos which were not among the best."""
    names = [one.name for one in reports if one.verdict is not Verdict.DROP and not one.trained]
    return (message("photos.left-over", names=names, most=MOST_PHOTOS),) if names else ()


@contextmanager
def _workplace(paths: Paths) -> Iterator[Path]:
    """A private folder that is gone after the block; what crashed runs have left is deleted, too."""
    remove_leftovers(paths)
    place = paths.jobs / f"{_FOLDERS}{secrets.token_hex(8)}"
    make_private(paths.jobs)
    make_private(place)
    lock = FileLock(place / _LOCK, mode=0o600)
    lock.acquire()
    try:
        yield place
    finally:
        lock.release()
        shutil.rmtree(place, ignore_errors=True)


def remove_leftovers(paths: Paths) -> Deleted:
    """Delete the folders of runs that have crashed; those of running ones are locked and stay."""
    return delete_tree(place for place in sorted(paths.jobs.glob(f"{_FOLDERS}*")) if place.is_dir() and _is_left(place))


def _is_left(place: Path) -> bool:
    return (place / _LOCK).is_file() and is_free(place / _LOCK)  # without the file it is just being made
