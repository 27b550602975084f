"""Masks of a face without a net: polygons of the mesh, and skin by the face's own colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import ArrayLike

from builtin_model.mesh_indices import BROWS, EYES, LIPS, NOSE, OVAL
from easyphoto.domain import Box, Floats, Pixels
from easyphoto.faces.base import FaceRegions
from easyphoto.faces.geometry import CHIN, FOREHEAD, Array, box_of
from easyphoto.faces.guided_filter import guided_filter, luma
from easyphoto.images.color import rgb_to_lab

_Layer = TypeVar("_Layer", Pixels, Floats)

_WINDOW = 3.0  # face boxes; skin of neck and ears lies inside
_WORKING_SIDE = 640  # of that window, for the skin
_GATE = 0.62, 0.85  # half axes of the ellipse outside which nothing is this face's skin, in face width and height


@dataclass(frozen=True)
class CropWindow:
    """The part of the picture round a face, in whole pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def round_face(cls, box: Box, size: tuple[int, int], ratio: float = _WINDOW) -> CropWindow:
        """`ratio` boxes wide, clipped to the picture of `size` (width, height); at least one pixel."""
        left, top, right, bottom = box.scaled(ratio).clipped(size).rounded()
        left, top = min(left, size[0] - 1), min(top, size[1] - 1)
        return cls(left, top, max(right, left + 1), max(bottom, top + 1))

    def cut(self, picture: _Layer) -> _Layer:
        """The part, as a view."""
        return picture[self.top : self.bottom, self.left : self.right]

    def laid(self, part: Pixels, size: tuple[int, int]) -> Pixels:
        """A mask of the part, of whatever scale, in an otherwise black one of `size` (width, height)."""
        whole = np.zeros((size[1], size[0]), np.uint8)
        place = self.cut(whole)
        if part.shape != place.shape:
            part = np.asarray(cv2.resize(part, (place.shape[1], place.shape[0]), interpolation=cv2.INTER_LINEAR))
        place[:] = part
        return whole


def paint(polygons: Sequence[Array], size: tuple[int, int], soft: float = 0.0) -> Pixels:
    """uint8 mask of filled (n, 2) polygons, its edge blurred by `soft` pixels."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    for points in polygons:
        cv2.fillPoly(mask, [np.rint(points * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    if soft < 0.3:
        return mask
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), soft), np.uint8)


def hull(points: ArrayLike) -> Array:
    """The convex outline of (n, 2) points."""
    return np.asarray(cv2.convexHull(np.ascontiguousarray(points, np.float32)), np.float64).reshape(-1, 2)


def grown(points: Array, ratio: float) -> Array:
    """The outline `ratio` times larger about its middle."""
    middle = points.mean(0)
    return np.asarray(middle + (points - middle) * ratio)


def outlines(mesh: Floats) -> dict[str, list[Array]]:
    """Polygons of each region of a (468, 3) mesh, in its pixels."""
    flat = mesh[:, :2].astype(np.float64)
    return {
        "face": [flat[list(OVAL)]],
        "eyes": [grown(flat[list(eye)], 1.15) for eye in EYES],
        "brows": [grown(hull(flat[list(brow)]), 1.1) for brow in BROWS],
        "lips": [flat[list(LIPS)]],
        "nose": [hull(flat[list(NOSE)])],
    }


def face_regions(part: Pixels, mesh: Floats, matte: Pixels) -> FaceRegions:
    """All masks of the face with that mesh in a picture cut round it; `matte` is the part's person mask."""
    size, soft = (part.shape[1], part.shape[0]), 0.008 * box_of(mesh).width
    masks = {name: paint(polygons, size, soft) for name, polygons in outlines(mesh).items()}
    return FaceRegions(**masks, skin=skin_mask(part, mesh, matte))


def placed_regions(masks: FaceRegions, window: CropWindow, size: tuple[int, int]) -> FaceRegions:
    """Masks of the window's part, of whatever scale, as masks of the whole picture of `size` (width, height)."""
    return FaceRegions(*(window.laid(getattr(masks, f.name), size) for f in fields(masks)))


def skin_mask(part: Pixels, mesh: Floats, matte: Pixels) -> Pixels:
    """Skin of face, ears and neck in a picture cut round the face; uint8, soft edges."""
    h, w = part.shape[:2]
    ratio = min(1.0, _WORKING_SIDE / max(h, w))
    size = (max(1, round(w * ratio)), max(1, round(h * ratio)))
    small = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    points = mesh[:, :2].astype(np.float64) * [size[0] / w, size[1] / h]
    shares = _skin_shares(small, points) * (cv2.resize(matte, size, interpolation=cv2.INTER_AREA) / np.float32(255))
    full = np.asarray(cv2.resize(shares, (w, h), interpolation=cv2.INTER_LINEAR), np.float32)
    radius = max(1, round(0.02 * box_of(mesh).width))
    fine = guided_filter(luma(part), full, radius, 1e-3, _WORKING_SIDE)
    keep = np.float32(1) - _features(mesh[:, :2].astype(np.float64), (w, h)) / np.float32(255)
    return np.asarray(np.rint(np.clip(fine * keep, 0, 1) * 255), np.uint8)


def _skin_shares(small: Pixels, points: Array) -> Floats:
    """0..1 by colour and place."""
    size = (small.shape[1], small.shape[0])
    lab = np.asarray(cv2.GaussianBlur(rgb_to_lab(small), (0, 0), max(0.5, 0.006 * box_of(points).width)))
    sample = (_inner(points, size) > 127) & (_features(points, size) < 64)
    if sample.sum() < 20:
        return np.zeros(small.shape[:2], np.float32)
    inside, place = _places(points, size)
    gap = _color_gap(lab, lab[sample])
    near, wide = np.clip((3.2 - gap) / 0.9, 0, 1), np.clip((5.5 - gap) / 1.5, 0, 1)
    return np.asarray(np.maximum(wide * inside, near * place), np.float32)


def _color_gap(lab: Floats, samples: Floats) -> Floats:
    """Mahalanobis distance of every pixel to the samples' Gaussian, fitted twice so that shadow and shine drop out."""
    for _ in range(2):
        mean = np.median(samples, axis=0)
        spread = np.cov(samples.T) + np.diag([25.0, 4.0, 4.0])
        white = np.linalg.cholesky(np.linalg.inv(spread)).astype(np.float32)
        samples = samples[np.linalg.norm((samples - mean) @ white, axis=-1) < 2.5]
    return np.asarray(np.linalg.norm((lab - mean.astype(np.float32)) @ white, axis=-1), np.float32)


def _inner(points: Array, size: tuple[int, int]) -> Pixels:
    """The oval drawn in: cheeks, nose and lower forehead, free of hair at the rim."""
    return paint([grown(points[list(OVAL)], 0.8)], size)


def _features(points: Array, size: tuple[int, int]) -> Pixels:
    """Eyes with their lashes, brows and lips."""
    shapes = outlines(points.astype(np.float32))
    soft = 0.006 * box_of(points).width
    return paint([*(grown(eye, 1.2) for eye in shapes["eyes"]), *shapes["brows"], *shapes["lips"]], size, soft)


def _places(points: Array, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """0..1 each: the oval, where shine and shadow are still skin, and all places where skin of this face can be.

    Beside and above the forehead lies hair, so the oval ends the skin there.
    """
    down = points[CHIN] - points[FOREHEAD]
    height = float(np.linalg.norm(down))
    down /= max(height, 1e-6)
    y, x = np.mgrid[: size[1], : size[0]]
    offset = np.stack([x, y], axis=-1) + 0.5 - points[list(OVAL)].mean(0)
    along, across = offset @ down, offset @ np.array([down[1], -down[0]])
    width = float(np.ptp(points[list(OVAL)] @ np.array([down[1], -down[0]])))
    radius = np.hypot(across / (_GATE[0] * width), along / (_GATE[1] * height))
    gate = np.clip((1.05 - radius) / 0.1, 0, 1)
    brow_line = float(((points[list(BROWS[0] + BROWS[1])] - points[list(OVAL)].mean(0)) @ down).mean())
    below = np.clip((along - brow_line) / (0.1 * height), 0, 1)
    oval = paint([grown(points[list(OVAL)], 1.04)], size, 0.015 * width) / 255
    inside = paint([grown(points[list(OVAL)], 0.94)], size, 0.03 * width) / np.float32(255)
    return np.asarray(inside, np.float32), np.asarray(np.maximum(oval, gate * below), np.float32)
