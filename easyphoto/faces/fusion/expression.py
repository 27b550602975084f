"""How a face looks: mouth, smile and eyes, read from its mesh whatever its pose and size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from easyphoto.domain import Floats
from easyphoto.faces.fusion.face_shape import frontal
from easyphoto.faces.geometry import MOUTH_LEFT, MOUTH_RIGHT

_INNER_LIPS = (13, 14)  # middle of the upper and of the lower lip's inner edge
_EYES = ((33, 133, 159, 145), (263, 362, 386, 374))  # outer and inner corner, upper and lower lid
_MOUTH_WEIGHT, _SMILE_WEIGHT = 22.0, 6.0
_BORROWED = 1.0
_LAUGH = 0.045  # mouth opening from which teeth are kept: between lips that do not smile a slit of teeth is a grimace
OPEN_MOUTH = 0.03
"""Mouth opening in face heights from which teeth show."""
CLEAR_GAP = 1.0
"""`expression_gap` from which anybody sees that the mouth is another than the template's."""


@dataclass(frozen=True)
class Expression:
    """Lengths are taken on the mesh turned to the camera, so that pose hardly matters."""

    mouth_open: float  # between the lips, in face heights
    smile: float  # width of the mouth, in distances of the outer eye corners
    eyes_open: float  # gap of the lids in eye widths, of the eye that is less open


def expression_of(mesh: Floats) -> Expression:
    """Of a (468, 3) mesh in pixels."""
    flat = frontal(mesh)

    def apart(one: int, other: int) -> float:
        return float(np.linalg.norm(flat[one] - flat[other]))

    eyes = max(apart(_EYES[0][0], _EYES[1][0]), 1e-6)
    lids = [apart(upper, lower) / max(apart(outer, inner), 1e-6) for outer, inner, upper, lower in _EYES]
    return Expression(apart(*_INNER_LIPS), apart(MOUTH_LEFT, MOUTH_RIGHT) / eyes, min(lids))


def expression_gap(one: Expression, other: Expression) -> float:
    """How differently two mouths look; 0 = alike, 1 = plainly another expression. Eyes are left out.

    How wide eyes open and lips stretch at rest differs from person to person, so the smile counts little.
    """
    mouth = abs(one.mouth_open - other.mouth_open)
    return _MOUTH_WEIGHT * mouth + _SMILE_WEIGHT * max(0.0, abs(one.smile - other.smile) - 0.05)


def borrows_mouth(own: Expression, wanted: Expression) -> bool:
    """Whether the template's mouth is open and the person's closed, so that the template's teeth are to be kept."""
    return own.mouth_open < OPEN_MOUTH and wanted.mouth_open > _LAUGH


def expression_cost(own: Expression, wanted: Expression) -> float:
    """What speaks against a source because of its mouth; bounded where the template's teeth can be kept."""
    gap = expression_gap(own, wanted)
    return min(gap, _BORROWED) if borrows_mouth(own, wanted) else gap
