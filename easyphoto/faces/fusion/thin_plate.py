"""Smooth dense warps from a few hundred point pairs."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from easyphoto.domain import Floats, Pixels


@dataclass(frozen=True, eq=False)
class Lattice:
    """A smooth map known at even places, interpolated to every pixel."""

    coarse: Floats  # (rows, columns, 2)
    across: Floats  # (width, columns) weights
    down: Floats  # (height, rows) weights

    def rows(self, start: int, stop: int) -> Floats:
        """The map in the pixel rows from `start` to `stop`: (stop - start, width, 2) float32."""
        part = self.down[start:stop]
        return np.stack([part @ self.coarse[..., axis] @ self.across.T for axis in (0, 1)], -1)


class ThinPlate:
    """The smoothest map R2 -> R2 through point pairs (Bookstein 1989), softened by `stiffness`.

    `stiffness` 0 goes through every pair exactly; larger values let the map miss pairs to bend less.
    Raises ValueError where the points coincide or span no area.
    """

    def __init__(self, start: Floats, goal: Floats, stiffness: float = 1e-4) -> None:
        from scipy.interpolate import RBFInterpolator

        self._center = start.mean(0)
        self._unit = max(float(np.abs(start - self._center).max()), 1e-6)
        if np.linalg.matrix_rank(np.c_[np.ones(len(start)), self._scaled(start)]) < 3:
            raise ValueError("the points lie on a line")
        try:
            self._map = RBFInterpolator(self._scaled(start), goal, kernel="thin_plate_spline", smoothing=stiffness)
        except np.linalg.LinAlgError as problem:
            raise ValueError("points coincide") from problem

    def __call__(self, points: Floats) -> Floats:
        """(n, 2) -> (n, 2) float32."""
        return np.asarray(self._map(self._scaled(points)), np.float32)

    def field(self, size: tuple[int, int], cell: float) -> Floats:
        """The map at every pixel of a picture of `size` (width, height): (height, width, 2) float32.

        Evaluated every `cell` pixels and interpolated between them.
        """
        return self.lattice(size, cell).rows(0, size[1])

    def lattice(self, size: tuple[int, int], cell: float) -> Lattice:
        """The same, to be had in bands of rows."""
        xs, ys = (np.linspace(0, side - 1, max(2, round(side / cell) + 1), dtype=np.float32) for side in size)
        knots = np.stack(np.meshgrid(xs, ys), -1)
        coarse = self(knots.reshape(-1, 2)).reshape(knots.shape)
        return Lattice(coarse, spread(size[0], len(xs)), spread(size[1], len(ys)))

    def _scaled(self, points: Floats) -> Floats:
        return np.asarray((points - self._center) / self._unit, np.float32)


def spread(count: int, cells: int) -> Floats:
    """(count, cells) weights that interpolate `cells` >= 2 even samples at `count` places, the ends included.

    Catmull-Rom cubics, continued straight beyond the ends, so that straight lines come out exact.
    """
    at = np.linspace(0, cells - 1, count)
    cell = np.minimum(at.astype(int), cells - 2)
    t = at - cell
    taps = np.stack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2], 1) / 2
    padded = np.zeros((count, cells + 2))
    np.put_along_axis(padded, cell[:, None] + np.arange(4), taps, 1)
    weights = padded[:, 1:-1].copy()
    for end, first, second in ((0, 0, 1), (-1, -1, -2)):
        weights[:, first] += 2 * padded[:, end]
        weights[:, second] -= padded[:, end]
    return np.asarray(weights, np.float32)


def grid(width: int, rows: range) -> Floats:
    """The map that leaves every pixel in these rows where it is: (rows, width, 2)."""
    xs, ys = np.arange(width, dtype=np.float32), np.array(rows, np.float32)
    return np.stack(np.meshgrid(xs, ys), -1)


def sample(picture: Pixels, field: Floats, kind: int | None = None) -> Pixels:
    """`picture` read at the places of `field`, cubic; outside it the border is mirrored."""
    mode = cv2.INTER_CUBIC if kind is None else kind
    return np.asarray(cv2.remap(picture, field, None, mode, borderMode=cv2.BORDER_REFLECT_101), np.uint8)
