"""Faces cut upright for a network, and laid back with a soft rectangular edge."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.arc_face import ARC_FACE
from easyphoto.faces.builtin.onnx_net import warp
from easyphoto.faces.geometry import Array, compose, invert, scale_of, similarity_transform

_ARC_SIDE = 112
_PADDING = 0.25  # of ArcFace's square, on each side
_RIM, _SOFT = 26 / 512, 15.6 / 512  # of the crop's side: outside nothing is laid back, and the sigma of the edge


def padded_points(side: int) -> Array:
    """(5, 2) where a square face crop with room round it has the five points."""
    return (ARC_FACE + _PADDING * _ARC_SIDE) * (side / (_ARC_SIDE * (1 + 2 * _PADDING)))


def padded_crop(picture: Pixels, points: ArrayLike, side: int) -> tuple[Pixels, Array]:
    """The side x side face with room round it, and the matrix picture -> crop."""
    matrix = similarity_transform(points, padded_points(side))
    return warp(picture, matrix, side), matrix


def rectangle(side: int) -> Floats:
    """(side, side) 1 inside, 0 at the rim, soft between."""
    mask, rim = np.zeros((side, side), np.float32), round(_RIM * side)
    mask[rim : side - rim, rim : side - rim] = 1
    soft = np.asarray(cv2.GaussianBlur(mask, (0, 0), _SOFT * side), np.float32)
    edge = np.minimum(np.arange(side), np.arange(side)[::-1]) / max(1, rim)
    return soft * np.minimum(1, np.minimum(edge[:, None], edge[None])).astype(np.float32)


def laid_back(picture: Pixels, crop: Pixels, matrix: ArrayLike, mask: Floats) -> tuple[Pixels, Floats]:
    """(`picture` with `crop` where `mask` is, the mask in the picture); `matrix` is that which cut the crop."""
    size = (picture.shape[1], picture.shape[0])
    zoom = scale_of(matrix)
    if zoom > 1.5:  # averaged first, so that fine detail does not alias
        small = max(8, round(len(crop) / zoom))
        matrix = compose([[small / len(crop), 0, 0], [0, small / len(crop), 0]], matrix)
        crop, mask = (cv2.resize(one, (small, small), interpolation=cv2.INTER_AREA) for one in (crop, mask))
    back = invert(matrix)
    # Pixel centers lie at half-integers in our coordinates, at integers in OpenCV's.
    back[:, 2] += back[:, :2] @ np.array([0.5, 0.5]) - 0.5
    top = cv2.warpAffine(crop, back, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    share = np.asarray(cv2.warpAffine(mask, back, size, flags=cv2.INTER_LINEAR), np.float32)
    mixed = picture + (top.astype(np.float32) - picture) * share[..., None]
    return np.asarray(np.rint(np.clip(mixed, 0, 255)), np.uint8), share
