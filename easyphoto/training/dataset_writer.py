"""The pictures of a training set onto the disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from easyphoto.domain import LORA_TRIGGER, Floats, PhotoReport, Verdict
from easyphoto.errors import BadPicture
from easyphoto.faces.base import FaceToolbox, Recognizer
from easyphoto.images import save_picture
from easyphoto.progress import Progress, Step
from easyphoto.training.crops import (
    GOOD_SIDE,
    crop_side,
    cut_out,
    enhanced,
    fusion_crop,
    max_crop_ratio,
    reference_picture,
    retouched,
    training_picture,
)
from easyphoto.training.photo_checks import PhotoCheck, PhotoChecks, quality
from easyphoto.training.photo_metrics import FaceMetrics

METADATA = "metadata.jsonl"


@dataclass(frozen=True, eq=False)
class WrittenDataset:
    """What came onto the disk, and what failed on the way there."""

    used: tuple[PhotoCheck, ...]
    pictures: tuple[Path, ...]
    crops: tuple[Path, ...]
    failed: dict[int, str]  # id of the judged photo -> reason

    @property
    def embeddings(self) -> Floats:
        """(n, d) of the pictures, same order."""
        return np.stack([e for one in self.used if (e := _face(one).face.embedding) is not None]).astype(np.float32)

    def reports_in(self, judgement: PhotoChecks) -> tuple[PhotoReport, ...]:
        """All reports, with what was trained and what failed."""
        used = {id(one) for one in self.used}
        return tuple(self._final(one, id(one) in used) for one in judgement.photos)

    def _final(self, judged: PhotoCheck, trained: bool) -> PhotoReport:
        reason = self.failed.get(id(judged))
        if reason is None:
            return replace(judged.report, trained=trained)
        return replace(judged.report, verdict=Verdict.DROP, reasons=(*judged.report.reasons, reason))


def write_dataset(
    chosen: Sequence[PhotoCheck], retouch: bool, faces: FaceToolbox, folder: Path, report: Progress
) -> WrittenDataset:
    """Every chosen photo's pictures; one that cannot be written is left out with its reason."""
    to_enhance = _to_enhance(chosen)
    used: list[PhotoCheck] = []
    failed: dict[int, str] = {}
    for number, one in enumerate(chosen):
        report(Step("prepare photos", number, len(chosen), one.report.name))
        try:
            _write_one(one, folder, f"{len(used):04d}", _Treatment(faces, retouch, id(one) in to_enhance))
        except BadPicture as bad:
            failed[id(one)] = str(bad.problem)
        else:
            used.append(one)
    report(Step("prepare photos", len(chosen), len(chosen)))
    names = [f"{number:04d}" for number in range(len(used))]
    pictures = tuple(folder / "train" / f"{name}.png" for name in names)
    _write_metadata(pictures, folder)
    return WrittenDataset(tuple(used), pictures, tuple(folder / "photos" / f"{name}.jpg" for name in names), failed)


def _to_enhance(chosen: Sequence[PhotoCheck]) -> set[int]:
    """The smallest crops under 512 pixels, at most half of the set: enhanced pictures must not become the style."""
    small = [one for one in chosen if crop_side(one.seen, _face(one).face) < GOOD_SIDE]
    small.sort(key=lambda one: crop_side(one.seen, _face(one).face))
    return {id(one) for one in small[: len(chosen) // 2]}


@dataclass(frozen=True, eq=False)
class _Treatment:
    """What is done to a crop before it is cut out."""

    faces: FaceToolbox
    retouch: bool
    enhance: bool


def _write_one(judged: PhotoCheck, folder: Path, name: str, how: _Treatment) -> None:
    """photos/NAME.jpg, train/NAME.png and its caption."""
    face = _face(judged).face
    cut = cut_out(judged.seen, face)
    ratio = max_crop_ratio(face, [one.face for one in judged.seen.faces])
    save_picture(fusion_crop(cut, ratio), folder / "photos" / f"{name}.jpg", ai_made=False)
    if how.retouch:
        cut = retouched(cut, how.faces)
    if how.enhance:
        cut = enhanced(cut, how.faces)
    save_picture(training_picture(cut, how.faces), folder / "train" / f"{name}.png", ai_made=False)
    (folder / "train" / f"{name}.txt").write_text(LORA_TRIGGER, encoding="utf-8")


def _write_metadata(pictures: Sequence[Path], folder: Path) -> None:
    """One JSON object a line, as the datasets library reads it."""
    entries = [{"file_name": f"train/{file.name}", "text": LORA_TRIGGER} for file in pictures]
    lines = [json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries]
    (folder / METADATA).write_text("".join(lines), encoding="utf-8")


def write_reference(used: Sequence[PhotoCheck], recognizer: Recognizer, folder: Path) -> Path:
    """The photo with the best angle x likeness."""
    best = max(used, key=lambda one: quality(one, recognizer))
    file = folder / "reference.png"
    save_picture(reference_picture(best.seen, _face(best).face), file, ai_made=False)
    return file


def _face(judged: PhotoCheck) -> FaceMetrics:
    """The chosen face of a usable photo."""
    assert judged.face is not None
    return judged.face
