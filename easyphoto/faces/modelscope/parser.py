"""Regions of a face by BiSeNet (Yu et al., arXiv 1808.00897), trained on CelebAMask-HQ's 19 classes."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from easyphoto.domain import Face, Floats, Pixels
from easyphoto.faces.base import FaceRegions
from easyphoto.faces.builtin.onnx_net import OnnxNet, warp
from easyphoto.faces.geometry import Array, invert, square_crop
from easyphoto.faces.modelscope.segmenter import imagenet_blob

_SIDE = 512
_ROOM = 2.2  # of the crop, in longer face sides: as much of head and neck as in the network's training
_GATE = 0.78, 1.1  # half axes of the ellipse outside which nothing is this face's, in its width and height
_CLASSES = {  # region -> numbers of its classes
    "face": (1, 2, 3, 4, 5, 6, 10, 11, 12, 13),  # skin, brows, eyes, glasses, nose, mouth, lips
    "skin": (1, 7, 8, 10, 14),  # skin, ears, nose, neck
    "eyes": (4, 5),
    "brows": (2, 3),
    "lips": (11, 12, 13),  # with what lies between them
    "nose": (10,),
}


class FaceParser:
    """Runs the ONNX file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @cached_property
    def _net(self) -> OnnxNet:
        return OnnxNet(self._file, arena=False)

    def release(self) -> None:
        """Forget the network."""
        self.__dict__.pop("_net", None)

    def regions(self, picture: Pixels, face: Face) -> FaceRegions:
        """Masks of that face, soft at their edges."""
        matrix = square_crop(face.box.center, _ROOM * max(face.box.width, face.box.height), face.pose.roll, _SIDE)
        logits = self._net.run(imagenet_blob(warp(picture, matrix, _SIDE)))[0][0]
        inside = _gate(face) * (warp(np.full(picture.shape, 255, np.uint8), matrix, _SIDE)[..., 0] > 127)
        shares = softmax(logits) * inside
        size = (picture.shape[1], picture.shape[0])
        return FaceRegions(
            **{name: laid(shares[list(classes)].sum(0), matrix, size) for name, classes in _CLASSES.items()}
        )


def softmax(logits: Floats) -> Floats:
    """(c, h, w) of any size to shares that add up to 1 at every place."""
    powers = np.exp(logits - logits.max(0))
    return np.asarray(powers / powers.sum(0), np.float32)


def laid(share: Floats, matrix: Array, size: tuple[int, int]) -> Pixels:
    """The crop's 0..1 as a mask of the whole picture of `size`; `matrix` cut the crop."""
    back = invert(matrix)
    # Pixel centers lie at half-integers in our coordinates, at integers in OpenCV's.
    back[:, 2] += back[:, :2] @ np.array([0.5, 0.5]) - 0.5
    crop = np.asarray(np.rint(np.clip(share, 0, 1) * 255), np.uint8)
    return np.asarray(cv2.warpAffine(crop, back, size, flags=cv2.INTER_LINEAR), np.uint8)


def _gate(face: Face) -> Floats:
    """(s, s) 1 inside the ellipse about the face, 0 outside, soft between: neighbors are parsed with their own crop."""
    side = _ROOM * max(face.box.width, face.box.height)
    places = (np.arange(_SIDE, dtype=np.float32) + 0.5) / _SIDE - 0.5
    across, down = (places * side / (half * length) for half, length in zip(_GATE, _extent(face), strict=True))
    radius = np.hypot(across[None], down[:, None])
    return np.asarray(np.clip((1.05 - radius) / 0.1, 0, 1), np.float32)


def _extent(face: Face) -> tuple[float, float]:
    return max(face.box.width, 1.0), max(face.box.height, 1.0)
