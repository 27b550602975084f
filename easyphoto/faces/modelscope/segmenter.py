"""The person of a picture, by U2-Net's saliency."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.modelscope.lazy_network import LazyNetwork
from easyphoto.faces.modelscope.u2net import U2Net
from easyphoto.faces.modelscope.weights import filled, read_tensors

_SIDE = 320
IMAGENET_MEAN, IMAGENET_SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of RGB 0..1, as networks are used to it that began with ImageNet."""


class SaliencySegmenter:
    """Finds what stands out; in a portrait that is the person."""

    def __init__(self, file: Path, device: torch.device) -> None:
        self.network = LazyNetwork(lambda: filled(U2Net, read_tensors(file), file), device)

    def release(self) -> None:
        """Forget the network."""
        self.network.release()

    def matte(self, picture: Pixels) -> Pixels:
        """uint8 H x W, 255 = what stands out most."""
        height, width = picture.shape[:2]
        small = np.asarray(cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)
        with self.network.working() as network:
            found = network(self.network.on_device(imagenet_blob(small)))[0, 0].cpu().numpy()
        return np.asarray(cv2.resize(stretched(found), (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def imagenet_blob(picture: Pixels) -> Floats:
    """(1, 3, h, w) with ImageNet's mean and spread taken off."""
    scaled = picture.astype(np.float32) / np.float32(255)
    normal = (scaled - np.array(IMAGENET_MEAN, np.float32)) / np.array(IMAGENET_SPREAD, np.float32)
    return np.ascontiguousarray(normal.transpose(2, 0, 1)[None])


def stretched(values: Floats) -> Pixels:
    """The least as 0, the most as 255.

    A flat map says nothing: then all is 255, since a photo with its background trains better than without its person.
    """
    low, high = float(values.min()), float(values.max())
    if not high - low > 1e-6:
        return np.full(values.shape, 255, np.uint8)
    return np.asarray(np.rint((values - low) * (255 / (high - low))), np.uint8)
