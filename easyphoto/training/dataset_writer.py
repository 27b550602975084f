"""The pictures of a training set onto the disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from easyphoto.domain import LORA_TRIGGER, Floats, PhotoReport, TrainRequest, Verdict
from easyphoto.errors import BadPicture
from easyphoto.faces.base import FaceToolbox, Recognizer
from easyphoto.images import open_picture, save_picture
from easyphoto.locales import Message
from easyphoto.progress import Progress, Step
from easyphoto.stages import Stage
from easyphoto.training.crops import (
    GOOD_SIDE,
    crop_side,
    cut_out,
    enhanced,
    fusion_crop,
    max_crop_ratio,
    reference_picture,
    retouched,
    sharpened,
    training_picture,
)
from easyphoto.training.photo_checks import PhotoCheck, PhotoChecks, quality
from easyphoto.training.photo_metrics import FaceMetrics

METADATA = "metadata.jsonl"
MASK_MARK = "-masklabel"
"""End of the stem of a training picture's mask, as the trainer and OneTrainer look for it."""


@dataclass(frozen=True, eq=False)
class WrittenDataset:
    """What came onto the disk, and what failed on the way there."""

    used: tuple[PhotoCheck, ...]
    pictures: tuple[Path, ...]
    crops: tuple[Path, ...]
    failed: dict[int, Message]  # id of the judged photo -> reason
    enhanced: frozenset[Path] = frozenset()  # those of the crops whose face was made crisp

    @property
    def embeddings(self) -> Floats:
        """(n, d) of the pictures, same order."""
        return np.stack([e for one in self.used if (e := _face(one).face.embedding) is not None]).astype(np.float32)

    def reports_in(self, checks: PhotoChecks) -> tuple[PhotoReport, ...]:
        """All reports, with what was trained and what failed."""
        used = {id(one) for one in self.used}
        return tuple(self._final(one, id(one) in used) for one in checks.photos)

    def _final(self, judged: PhotoCheck, trained: bool) -> PhotoReport:
        reason = self.failed.get(id(judged))
        if reason is None:
            return replace(judged.report, trained=trained)
        return replace(judged.report, verdict=Verdict.DROP, reasons=(*judged.report.reasons, reason))


def write_dataset(
    chosen: Sequence[PhotoCheck], request: TrainRequest, faces: FaceToolbox, folder: Path, report: Progress
) -> WrittenDataset:
    """Every chosen photo's pictures; one that cannot be written is left out with its reason."""
    smallest = _smallest(chosen)
    used: list[PhotoCheck] = []
    crisp: set[Path] = set()
    failed: dict[int, Message] = {}
    for number, one in enumerate(chosen):
        report(Step(Stage.PREPARE_PHOTOS, number, len(chosen), one.report.name))
        try:
            how = _Treatment(faces, request.retouch, request.enhance_photos, id(one) in smallest)
            if _write_one(one, folder, f"{len(used):04d}", how):
                crisp.add(folder / "photos" / f"{len(used):04d}.jpg")
        except BadPicture as bad:
            failed[id(one)] = bad.messages()[0]
        else:
            used.append(one)
    report(Step(Stage.PREPARE_PHOTOS, len(chosen), len(chosen)))
    names = [f"{number:04d}" for number in range(len(used))]
    pictures = tuple(folder / "train" / f"{name}.png" for name in names)
    _write_metadata(pictures, folder)
    crops = tuple(folder / "photos" / f"{name}.jpg" for name in names)
    return WrittenDataset(tuple(used), pictures, crops, failed, frozenset(crisp))


def _smallest(chosen: Sequence[PhotoCheck]) -> set[int]:
    """The smallest crops under 512 pixels, at most half of the set: enhanced pictures must not become the style."""
    small = [one for one in chosen if crop_side(one.seen, _face(one).face) < GOOD_SIDE]
    small.sort(key=lambda one: crop_side(one.seen, _face(one).face))
    return {id(one) for one in small[: len(chosen) // 2]}


@dataclass(frozen=True, eq=False)
class _Treatment:
    """What is done to a crop before it is cut out."""

    faces: FaceToolbox
    retouch: bool
    enhance: bool  # small faces are made crisp for fusion
    small: bool  # one of the smallest, which is made larger for training too


def _write_one(judged: PhotoCheck, folder: Path, name: str, how: _Treatment) -> bool:
    """photos/NAME.jpg, train/NAME.png and its caption; whether the face was made crisp."""
    face = _face(judged).face
    cut = cut_out(judged.seen, face)
    ratio = max_crop_ratio(face, [one.face for one in judged.seen.faces])
    crisp = enhanced(cut, how.faces) if how.enhance else cut
    save_picture(fusion_crop(crisp, ratio), folder / "photos" / f"{name}.jpg", ai_made=False)
    made_crisp = crisp is not cut
    cut = crisp if how.small else cut
    if how.retouch:
        cut = retouched(cut, how.faces)
    if how.small:
        cut = sharpened(cut, how.faces)
    trained, mask = training_picture(cut, how.faces)
    save_picture(trained, folder / "train" / f"{name}.png", ai_made=False)
    mask.save(folder / "train" / f"{name}{MASK_MARK}.png")
    (folder / "train" / f"{name}.txt").write_text(LORA_TRIGGER, encoding="utf-8")
    return made_crisp


def _write_metadata(pictures: Sequence[Path], folder: Path) -> None:
    """One JSON object a line, as the datasets library reads it."""
    entries = [{"file_name": f"train/{file.name}", "text": LORA_TRIGGER} for file in pictures]
    lines = [json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries]
    (folder / METADATA).write_text("".join(lines), encoding="utf-8")


def write_reference(written: WrittenDataset, recognizer: Recognizer, folder: Path) -> Path:
    """The photo with the best angle x likeness; where its face was made crisp, the crop that shows it so."""
    crop, best = max(zip(written.crops, written.used, strict=True), key=lambda pair: quality(pair[1], recognizer))
    file = folder / "reference.png"
    picture = open_picture(crop) if crop in written.enhanced else reference_picture(best.seen, _face(best).face)
    save_picture(picture, file, ai_made=False)
    return file


def _face(judged: PhotoCheck) -> FaceMetrics:
    """The chosen face of a usable photo."""
    assert judged.face is not None
    return judged.face
