"""Validation images to distances, distances to votes, votes to the merged LoRA."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from easyphoto.domain import Floats, LoraCheckpoint, Pixels, TrainingSet
from easyphoto.errors import BadPicture, EasyPhotoError, TrainingFailed, reason_of
from easyphoto.faces.base import FaceToolbox
from easyphoto.images import open_picture
from easyphoto.locales import Message, message
from easyphoto.lora import inspect, merge
from easyphoto.private_files import make_private
from easyphoto.progress import Progress, Step
from easyphoto.training.launch import TrainingRun, ValidationImage
from easyphoto.training.plateau import without_gain

VOTERS = 10  # best validation images that vote


@dataclass(frozen=True)
class ScoredImage:
    """A validation image with its mean L2 distance to the training photos; lower is nearer."""

    image: ValidationImage
    distance: float


@dataclass(frozen=True)
class CheckpointChoice:
    """The LoRA that goes to the person, and how it was chosen."""

    lora: LoraCheckpoint
    face_id: Path | None
    distance_by_step: dict[int, float]  # mean distance of each checkpoint's validation images
    votes: dict[int, float]  # step -> share, sums to 1
    warnings: tuple[Message, ...] = ()


def select(run: TrainingRun, training_set: TrainingSet, faces: FaceToolbox, out: Path, mode: str) -> CheckpointChoice:
    """The checkpoints merged by the votes of the validation images most like the person, written to `out`.

    Whatever fails in judging ends in the last checkpoint and a warning; the training is never lost.
    Raises TrainingFailed only when there is no checkpoint at all.
    """
    if not run.checkpoints:
        raise TrainingFailed("training.no-checkpoint", exit_code=None, last_lines=(), log=str(run.log))
    scored = score_images(run.validation_images, training_set.embeddings, faces)
    shares = vote_shares(scored, {c.step for c in run.checkpoints})
    if not shares:
        return _last(run, out, _why_unjudged(run))
    try:
        lora = _merged(run.checkpoints, shares, out, mode)
    except (EasyPhotoError, OSError, ValueError) as problem:
        return _last(run, out, message("training.merging-failed", why=reason_of(problem)))
    by_step = distance_by_step(scored)
    best = min((one for one in scored if one.image.step in shares), key=lambda s: s.distance)
    distance = sum(shares[step] * by_step[step] for step in shares)
    warnings = (message("training.no-gain"),) if without_gain(_by_template(scored)) else ()
    return CheckpointChoice(replace(lora, distance=distance), best.image.file, by_step, shares, warnings)


def score_images(
    validation_images: Sequence[ValidationImage], training: Floats, faces: FaceToolbox
) -> list[ScoredImage]:
    """Every validation image in which a face is found, nearest first; the largest face counts."""
    scored = []
    for image in validation_images:
        embedding = _embedding(image.file, faces)
        if embedding is not None:
            scored.append(ScoredImage(image, _mean_distance(training, embedding)))
    return sorted(scored, key=lambda s: (s.distance, s.image.step, s.image.template))


def vote_shares(scored: Sequence[ScoredImage], steps: set[int], voters: int = VOTERS) -> dict[int, float]:
    """Step -> share of the votes of the nearest validation images whose checkpoint exists; sums to 1, or is empty."""
    votes = [s.image.step for s in scored if s.image.step in steps][:voters]
    return {step: count / len(votes) for step, count in sorted(Counter(votes).items())}


def distance_by_step(scored: Sequence[ScoredImage]) -> dict[int, float]:
    """Mean distance of the validation images of each step."""
    steps = sorted({s.image.step for s in scored})
    return {step: float(np.mean([s.distance for s in scored if s.image.step == step])) for step in steps}


def _by_template(scored: Sequence[ScoredImage]) -> dict[int, dict[int, float]]:
    found: dict[int, dict[int, float]] = {}
    for one in scored:
        found.setdefault(one.image.step, {})[one.image.template] = one.distance
    return found


def with_distance(report: Progress, training: Floats, faces: FaceToolbox) -> Progress:
    """`report`, with `figures["distance"]` added to every step that shows a validation image: its mean distance."""

    def pass_on(step: Step) -> None:
        embedding = None if step.preview is None else _embedding_in(np.asarray(step.preview), faces)
        if embedding is not None:
            step = replace(step, figures={**step.figures, "distance": _mean_distance(training, embedding)})
        report(step)

    return pass_on


def _mean_distance(training: Floats, embedding: Floats) -> float:
    return float(np.linalg.norm(training - embedding, axis=1).mean())


def _embedding(file: Path, faces: FaceToolbox) -> Floats | None:
    try:
        return _embedding_in(np.asarray(open_picture(file)), faces)
    except BadPicture:
        return None


def _embedding_in(picture: Pixels, faces: FaceToolbox) -> Floats | None:
    found = faces.detect(picture)
    return faces.embed(picture, max(found, key=lambda f: f.box.area)) if found else None


def _merged(checkpoints: Sequence[LoraCheckpoint], shares: Mapping[int, float], out: Path, mode: str) -> LoraCheckpoint:
    weighted = [(c.file, shares[c.step]) for c in checkpoints if c.step in shares]
    merge(weighted, out, mode)
    last = max((c for c in checkpoints if c.step in shares), key=lambda c: c.step)
    return replace(last, file=out, rank=inspect(out).rank)


def _last(run: TrainingRun, out: Path, warning: Message) -> CheckpointChoice:
    last = max(run.checkpoints, key=lambda c: c.step)
    make_private(out.parent)
    out.write_bytes(last.file.read_bytes())
    newest = max(run.validation_images, key=lambda t: t.step, default=None)
    return CheckpointChoice(replace(last, file=out), newest.file if newest else None, {}, {last.step: 1.0}, (warning,))


def _why_unjudged(run: TrainingRun) -> Message:
    if run.validation_images:
        return message("training.unjudged-no-face")
    return message("training.unjudged-no-pictures")
