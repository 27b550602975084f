"""How much each repainted face looks like its person, and how good it looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from easyphoto.domain import Face, FaceScore, Pixels, Quality
from easyphoto.faces.base import FaceToolbox
from easyphoto.faces.likeness import level_of
from easyphoto.faces.quality import QUALITY_WEIGHT, Repainted, quality_of
from easyphoto.portrait.compose import FaceCanvas, found_again
from easyphoto.portrait.plan import FacePlan, moved
from easyphoto.portrait.subject import Subject


def badness(distance: float, quality: Quality | None) -> float:
    """What decides between portraits of one person: L2 to the person, and a share of it for faults."""
    return distance + (0.0 if quality is None else QUALITY_WEIGHT * (1 - quality.value))


@dataclass(frozen=True, eq=False)
class PaintedFace:
    """A face that was painted: what was planned, and its region of the template as it came out."""

    plan: FacePlan
    canvas: FaceCanvas


def score_faces(
    before: Pixels, after: Pixels, painted: Sequence[PaintedFace], people: Mapping[str, Subject], faces: FaceToolbox
) -> tuple[FaceScore, ...]:
    """Likeness and quality of every painted face of the finished picture, in order."""
    return tuple(_score(before, after, one, people[one.plan.person], faces) for one in painted)


def _score(before: Pixels, after: Pixels, one: PaintedFace, subject: Subject, faces: FaceToolbox) -> FaceScore:
    plan = one.plan
    left, top, right, bottom = plan.region
    part = np.ascontiguousarray(after[top:bottom, left:right])
    found = found_again(part, moved(plan.face, left, top), faces)
    was = subject.distance(faces.embed(before, plan.face))
    now = subject.distance(faces.embed(part, found))
    level = level_of(now, faces.recognizer)
    return FaceScore(subject.person.id, plan.face.box, was, now, level, _quality(part, found, one.canvas))


def _quality(part: Pixels, found: Face, canvas: FaceCanvas) -> Quality | None:
    """None where a face has no mesh, or was not touched."""
    mask = canvas.touched if canvas.laid_in is None else canvas.laid_in
    if found.mesh is None or canvas.face.mesh is None or not mask.any():
        return None
    return quality_of(Repainted(canvas.original, part, canvas.face.mesh, found.mesh, mask), canvas.fit)
