"""Whose photos these are: the one face a photo shares with the others, found over all faces of all photos."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from easyphoto.domain import Floats
from easyphoto.locales import Message, message
from easyphoto.training.photo_metrics import PhotoMetrics

GAP = 0.2  # of the recogniser's `same`: an empty stretch this wide parts the person from look-alikes
ENOUGH = 4  # faces from which on a set knows its own spread
SURELY_OWN = 0.7  # of `same`: no photo this near is taken for someone else's, however near the others are
MAJORITY = 0.6  # of the faces must lie below such a gap
ABOUT_EQUAL = 0.6  # a second person in at least this share of the first one's photos is worth a word
_ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Identity:
    """The person, and where they are in each photo."""

    center: Floats  # (d,) mean embedding of the faces taken for the person
    nearest: tuple[int | None, ...]  # per photo, the face nearest to the centre; None where there is no face
    distances: tuple[float, ...]  # per photo, L2 of that face to the centre; inf where there is no face
    limit: float  # a face farther than this is taken for someone else
    warning: Message | None = None  # when someone else might be meant


@dataclass(frozen=True, eq=False)
class _Crowd:
    """All faces of all photos in rows."""

    rows: Floats  # (n, d) embeddings
    photo: NDArray[np.intp]  # (n,) index of the photo
    face: NDArray[np.intp]  # (n,) index within the photo
    prominence: Floats  # (n,) area relative to the photo's largest face
    weight: Floats  # (photos,) a photo that the user wants kept outweighs all others


def find_person(seen: Sequence[PhotoMetrics], same: float) -> Identity | None:
    """The person most photos agree on, None where there is no face at all.

    Every face counts in how many photos it meets itself (L2 at most `same`); the one met most
    often, then the most prominent, is the start. The centre is the mean of each photo's nearest
    face, found again from the centre until it stands, with faces beyond the limit left out: photos
    of other people do not pull it.
    """
    crowd = _gather(seen)
    if crowd is None:
        return None
    center, support = _settle(crowd, np.ones(len(crowd.rows), bool), same)
    gaps = np.linalg.norm(crowd.rows - center, axis=1)
    best = [_nearest(crowd, gaps, photo) for photo in range(len(seen))]
    limit = _limit([float(gaps[row]) for row in best if row is not None], same)
    return Identity(
        center,
        tuple(None if row is None else int(crowd.face[row]) for row in best),
        tuple(float("inf") if row is None else float(gaps[row]) for row in best),
        limit,
        _rival(crowd, gaps > limit, same, support),
    )


def _limit(distances: Sequence[float], same: float) -> float:
    """`same`, or less where a gap in the sorted distances parts most of the faces from the rest.

    Look-alikes are often nearer than `same`, but seldom as near as the person's own photos. In a small set the person's
    one odd photo stands behind such a gap as well, so nothing nearer than `SURELY_OWN` is parted: of 256 photos of 12
    people the odd ones lie at up to .41 from their centre, strangers at .42 and more.
    """
    own = sorted(distance for distance in distances if distance <= same)
    gaps = [(high - low, (low + high) / 2) for low, high in itertools.pairwise(own)]
    wide, middle = max(gaps[max(ENOUGH, math.ceil(MAJORITY * len(own))) - 1 :], default=(0.0, same))
    return max(middle, SURELY_OWN * same) if wide >= GAP * same else same


def _gather(seen: Sequence[PhotoMetrics]) -> _Crowd | None:
    """None where no photo has a face."""
    found = [
        (photo, number, one, one.face.box.area / max(f.face.box.area for f in item.faces))
        for photo, item in enumerate(seen)
        for number, one in enumerate(item.faces)
    ]
    if not found:
        return None
    return _Crowd(
        rows=np.stack([one.face.embedding for _, _, one, _ in found if one.face.embedding is not None]),
        photo=np.array([photo for photo, *_ in found]),
        face=np.array([number for _, number, *_ in found]),
        prominence=np.array([share for *_, share in found], np.float32),
        weight=np.array([1.0 + len(seen) * (item.photo.override == "keep") for item in seen], np.float32),
    )


def _settle(crowd: _Crowd, allowed: NDArray[np.bool_], same: float) -> tuple[Floats, set[int]]:
    """The centre of the person met in most photos among the `allowed` faces, and those photos."""
    rows = np.flatnonzero(allowed)
    gaps = np.linalg.norm(crowd.rows[rows, None] - crowd.rows[None, rows], axis=2)
    ranks = []
    for i in range(len(rows)):
        meets = {int(p) for p in crowd.photo[rows[gaps[i] <= same]]}
        ranks.append((sum(crowd.weight[p] for p in meets), crowd.prominence[rows[i]], -float(gaps[i].mean())))
    center = crowd.rows[rows[max(range(len(rows)), key=ranks.__getitem__)]]
    members: list[int] = []
    for _ in range(_ROUNDS):
        far = np.where(allowed, np.linalg.norm(crowd.rows - center, axis=1), np.inf)
        best = [_nearest(crowd, far, photo) for photo in range(len(crowd.weight))]
        found = [row for row in best if row is not None and far[row] <= same]
        limit = _limit([float(far[row]) for row in found], same)
        members = [row for row in found if far[row] <= limit] or [int(far.argmin())]
        center = crowd.rows[members].mean(axis=0)
    return center, {int(crowd.photo[row]) for row in members}


def _nearest(crowd: _Crowd, gaps: Floats, photo: int) -> int | None:
    """The row of the photo's face with the smallest gap."""
    rows = np.flatnonzero(crowd.photo == photo)
    return int(rows[gaps[rows].argmin()]) if len(rows) else None


def _rival(crowd: _Crowd, others: NDArray[np.bool_], same: float, support: set[int]) -> Message | None:
    """A warning when a second person is in about as many photos, alone or at the first one's side."""
    if not others.any() or crowd.weight.max() > 1:
        return None
    _, theirs = _settle(crowd, others, same)
    apart = theirs - support
    if len(apart) >= ABOUT_EQUAL * len(support):
        return message("photos.two-people", first=len(support), second=len(apart))
    if len(theirs) >= len(support):
        return message("photos.someone-else")
    return None
