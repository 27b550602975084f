"""Which of a picture's faces becomes whom: in an order of places, or by likeness."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from easyphoto.domain import KEEP, Face, Floats, Pixels
from easyphoto.errors import NoFace
from easyphoto.faces.base import FaceToolbox
from easyphoto.faces.likeness import distance
from easyphoto.images import open_picture, pixels
from easyphoto.webui.face_script.choices import FaceOrder

REFERENCE_SIDE = 2048  # longer side at which a person's picture is read

PLACES: Mapping[FaceOrder, Callable[[Face], float]] = {
    FaceOrder.LEFT: lambda face: face.box.center[0],
    FaceOrder.RIGHT: lambda face: -face.box.center[0],
    FaceOrder.TOP: lambda face: face.box.center[1],
    FaceOrder.BOTTOM: lambda face: -face.box.center[1],
    FaceOrder.LARGE: lambda face: -face.box.area,
    FaceOrder.SMALL: lambda face: face.box.area,
}
"""What faces are sorted by, the least first."""


def left_to_right(faces: Sequence[Face]) -> list[Face]:
    """The order in which the portrait journey counts them."""
    return sorted(faces, key=PLACES[FaceOrder.LEFT])


def face_order(faces: Sequence[Face], order: FaceOrder) -> list[int]:
    """Places from left to right of the faces, in the order of places that is asked for."""
    places = left_to_right(faces)
    return sorted(range(len(places)), key=lambda place: PLACES[order](places[place]))


def by_face(persons: Sequence[str], order: Sequence[int]) -> tuple[str, ...]:
    """Persons from left to right of those in `order`; more of them than faces are left out."""
    placed = dict(zip(order, persons, strict=False))
    return tuple(placed.get(place, KEEP) for place in range(max(placed) + 1))


def most_alike(
    picture: Pixels, faces: Sequence[Face], references: Mapping[int, Path], toolbox: FaceToolbox
) -> dict[int, int]:
    """Number of a person -> place from left to right of their face; of more persons than faces some are left out.

    The sum of the distances of recognition is the least that can be (Kuhn 1955). Raises NoFace for a reference without.
    """
    found = [toolbox.embed(picture, face) for face in left_to_right(faces)]
    known = [_embedding(file, toolbox) for file in references.values()]
    costs = np.array([[distance(one, other) for other in found] for one in known])
    rows, columns = linear_sum_assignment(costs)
    numbers = list(references)
    return {numbers[row]: int(column) for row, column in zip(rows, columns, strict=True)}


def _embedding(file: Path, toolbox: FaceToolbox) -> Floats:
    """Of the largest face of that picture."""
    picture = pixels(open_picture(file, long_side=REFERENCE_SIDE))
    faces = toolbox.detect(picture)
    if not faces:
        raise NoFace("script.no-face", stage="script")
    return toolbox.embed(picture, max(faces, key=lambda face: face.box.area))
