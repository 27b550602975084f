"""Pictures twice as large by Real-ESRGAN, in tiles: the device's memory does not grow with the picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.builtin.onnx_net import blob_of
from easyphoto.faces.builtin.sharpen import sharpen
from easyphoto.faces.modelscope.lazy_network import LazyNetwork
from easyphoto.faces.modelscope.rrdb import RrdbNet, RrdbShape
from easyphoto.faces.modelscope.weights import filled, read_tensors, shape_of
from easyphoto.images.masks import blend

TILE, OVERLAP = 256, 32
"""Pixels of the small picture a tile has, and how many of its neighbors' it sees on each side; both even."""
_MOST = 1_500_000  # pixels the network is shown; a larger picture is shrunk for it
_SHARE = 0.5  # of the network's picture, as in the original; the rest is the plain enlargement


def read_rrdb(file: Path) -> RrdbNet:
    """The network of the width, depth and zoom that the file has. Raises MissingModel, BadModel."""
    tensors = read_tensors(file, "params_ema")
    shape = shape_of(RrdbShape.of, tensors, file)
    return filled(lambda: RrdbNet(shape), tensors, file)


class PictureEnlarger:
    """Runs the network; results have the size that is asked for."""

    def __init__(self, file: Path, device: torch.device) -> None:
        self.network = LazyNetwork(lambda: read_rrdb(file), device)

    def release(self) -> None:
        """Forget the network."""
        self.network.release()

    def sharpen(self, picture: Pixels, scale: float) -> Pixels:
        """Enlarged `scale` times with detail; half the network's picture, half the built-in's."""
        plain = sharpen(picture, scale)
        ratio = min(1.0, (_MOST / (picture.shape[0] * picture.shape[1])) ** 0.5)
        large = self.enlarged(_sized(picture, (round(picture.shape[1] * ratio), round(picture.shape[0] * ratio))))
        return blend(plain, _sized(large, plain.shape[1::-1]), np.full(plain.shape[:2], _SHARE, np.float32))

    def enlarged(self, picture: Pixels) -> Pixels:
        """As many times as large as the network makes it."""
        even = cv2.copyMakeBorder(picture, 0, picture.shape[0] % 2, 0, picture.shape[1] % 2, cv2.BORDER_REPLICATE)
        light = blob_of(np.asarray(even, np.uint8), 0, 1)
        with self.network.working() as network:
            zoom = network.zoom
            rows = [self._row(network, light, top) for top in range(0, light.shape[2], TILE)]
        whole = np.concatenate(rows, axis=1)[:, : zoom * picture.shape[0], : zoom * picture.shape[1]]
        return np.asarray(np.rint(np.clip(whole.transpose(1, 2, 0), 0, 1) * 255), np.uint8)

    def _row(self, network: RrdbNet, light: Floats, top: int) -> Floats:
        """(3, zoom * h, zoom * w) of one row of tiles."""
        return np.concatenate(
            [self._tile(network, light, top, left) for left in range(0, light.shape[3], TILE)], axis=2
        )

    def _tile(self, network: RrdbNet, light: Floats, top: int, left: int) -> Floats:
        """A tile with its overlap cut off again; beyond the picture its rim is repeated."""
        bottom, right = min(top + TILE, light.shape[2]), min(left + TILE, light.shape[3])
        rows, columns = _around(top, bottom, light.shape[2]), _around(left, right, light.shape[3])
        seen = self.network.on_device(np.ascontiguousarray(light[:, :, slice(*rows), slice(*columns)]))
        made = network(seen)[0].cpu().numpy()
        zoom, up, aside = network.zoom, top - rows[0], left - columns[0]
        return np.asarray(
            made[:, zoom * up : zoom * (up + bottom - top), zoom * aside : zoom * (aside + right - left)], np.float32
        )


def _around(start: int, end: int, length: int) -> tuple[int, int]:
    return max(0, start - OVERLAP), min(length, end + OVERLAP)


def _sized(picture: Pixels, size: tuple[int, ...]) -> Pixels:
    width, height = (max(1, length) for length in size)
    if (width, height) == picture.shape[1::-1]:
        return picture
    kind = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=kind), np.uint8)
