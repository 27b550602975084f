"""Photos to a training set: look, judge, choose, cut, write: the first half of a training."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from easyphoto.domain import LORA_TRIGGER, MOST_PHOTOS, Photo, PhotoReport, TrainingSet, TrainRequest
from easyphoto.errors import BadRequest, NoFace
from easyphoto.faces.base import FaceToolbox
from easyphoto.locales import Message, message
from easyphoto.progress import Progress, Step
from easyphoto.stages import Stage
from easyphoto.training.dataset_writer import METADATA, write_dataset, write_reference
from easyphoto.training.photo_checks import PhotoCheck, PhotoChecks, check_photos
from easyphoto.training.photo_metrics import PhotoMetrics, measure_photo

FEW = 5  # fewer than this and the likeness suffers


def check(photos: Sequence[Photo], faces: FaceToolbox, report: Progress) -> tuple[PhotoReport, ...]:
    """A verdict for every photo, in order, without writing anything."""
    return check_photos(measure_photos(photos, faces, report), faces.recognizer).reports


def prepare(
    photos: Sequence[Photo], request: TrainRequest, faces: FaceToolbox, folder: Path, report: Progress
) -> TrainingSet:
    """Write the training set of `photos` into `folder`, which is made anew.

    `folder` gets train/NNNN.png + .txt, metadata.jsonl, photos/NNNN.jpg (the same faces with their
    background) and reference.png. Raises NoFace naming every photo and its reason when none can be
    used, BadRequest when `folder` holds other things. The same photos give the same files.
    """
    checks = check_photos(measure_photos(photos, faces, report), faces.recognizer)
    chosen = choose(checks)
    _make_anew(folder)
    written = write_dataset(chosen, request, faces, folder, report)
    if not written.used:
        raise _nothing_usable(written.reports_in(checks))
    return TrainingSet(
        folder=folder,
        pictures=written.pictures,
        caption=LORA_TRIGGER,
        reference=write_reference(written, faces.recognizer, folder),
        reports=written.reports_in(checks),
        embeddings=written.embeddings,
        warnings=(*checks.warnings, *_too_few(len(written.used))),
        crops=written.crops,
    )


def measure_photos(photos: Sequence[Photo], faces: FaceToolbox, report: Progress) -> list[PhotoMetrics]:
    """Every photo, one at a time."""
    seen = []
    for number, photo in enumerate(photos):
        report(Step(Stage.CHECK_PHOTOS, number, len(photos), photo.name))
        seen.append(measure_photo(photo, faces))
    report(Step(Stage.CHECK_PHOTOS, len(photos), len(photos)))
    return seen


def choose(checks: PhotoChecks) -> tuple[PhotoCheck, ...]:
    """Up to 15 usable photos, those most like the person first; repeats only fill up. Raises NoFace."""
    usable = [one for one in checks.photos if one.usable]
    if not usable:
        raise _nothing_usable(checks.reports)
    return tuple(sorted(usable, key=lambda one: (one.repeat, one.report.distance))[:MOST_PHOTOS])


def _nothing_usable(reports: Sequence[PhotoReport]) -> NoFace:
    """The refusal that names each photo and its reason."""
    unknown = (message("photo.not-usable"),)
    each = [message("photo.named-reasons", name=one.name, reasons=one.reasons or unknown) for one in reports]
    names = ", ".join(one.name for one in reports)
    return NoFace("photos.none-usable", stage="check photos", file=names, count=len(reports), each=each, few=FEW)


def _too_few(count: int) -> tuple[Message, ...]:
    """The warning for small sets."""
    if count >= FEW:
        return ()
    if count == 1:
        return (message("photos.one-usable", few=FEW),)
    return (message("photos.few-usable", count=count, few=FEW),)


def _make_anew(folder: Path) -> None:
    """An empty folder. What an earlier run left is removed; a folder with other content is not touched."""
    if folder.exists() and any(folder.iterdir()) and not (folder / METADATA).is_file():
        raise BadRequest("training.folder-in-use", stage="prepare photos", file=str(folder))
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "train").mkdir(parents=True)
    (folder / "photos").mkdir()
    (folder / METADATA).touch()  # marks the folder as ours from the start
