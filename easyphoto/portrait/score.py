"""How much each repainted face looks like its person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from easyphoto.domain import FaceScore, Floats, Pixels
from easyphoto.faces.base import FaceToolbox
from easyphoto.faces.likeness import level_of
from easyphoto.portrait.compose import found_again
from easyphoto.portrait.plan import FacePlan, moved
from easyphoto.portrait.subject import Subject


def score_faces(
    before: Pixels, after: Pixels, plans: Sequence[FacePlan], people: Mapping[str, Subject], faces: FaceToolbox
) -> tuple[FaceScore, ...]:
    """One score per painted face, in the order of the plans."""
    return tuple(_score(before, after, plan, people[plan.person], faces) for plan in plans)


def _score(before: Pixels, after: Pixels, plan: FacePlan, subject: Subject, faces: FaceToolbox) -> FaceScore:
    was = subject.distance(faces.embed(before, plan.face))
    now = subject.distance(_embedding_in(after, plan, faces))
    return FaceScore(subject.person.id, plan.face.box, was, now, level_of(now, faces.recognizer))


def _embedding_in(picture: Pixels, plan: FacePlan, faces: FaceToolbox) -> Floats:
    """Of the face found again at the plan's place, else of the plan's own face."""
    left, top, right, bottom = plan.region
    part = np.ascontiguousarray(picture[top:bottom, left:right])
    return faces.embed(part, found_again(part, moved(plan.face, left, top), faces))
