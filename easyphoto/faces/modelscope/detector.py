"""Where faces are, by RetinaFace."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.modelscope.anchors import Detections, faces_of
from easyphoto.faces.modelscope.lazy_network import LazyNetwork
from easyphoto.faces.modelscope.retinaface import RetinaFace
from easyphoto.faces.modelscope.weights import filled, read_tensors

_LONGEST, _SHRUNK = 1500, 1000  # longer side from which the picture is shrunk, and to what
_MEAN = np.array([104, 117, 123], np.float32)  # blue, green, red: the network was trained on BGR


class RetinaFaceDetector:
    """Finds faces with five points each."""

    def __init__(self, file: Path, device: torch.device) -> None:
        self.network = LazyNetwork(lambda: filled(RetinaFace, read_tensors(file, "state_dict"), file), device)

    def release(self) -> None:
        """Forget the network."""
        self.network.release()

    def find(self, picture: Pixels) -> Detections:
        """Faces in the pixels of an RGB picture, the surest first."""
        height, width = picture.shape[:2]
        ratio = _SHRUNK / max(height, width) if max(height, width) > _LONGEST else 1.0
        size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        small = picture if ratio == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        found = faces_of(size, *self._numbers(np.asarray(small, np.uint8)))
        zoom = np.array([width / size[0], height / size[1]], np.float32)
        return Detections(found.boxes * np.tile(zoom, 2), found.points * zoom, found.scores)

    def _numbers(self, picture: Pixels) -> tuple[Floats, Floats, Floats]:
        with self.network.working() as network:
            scores, boxes, points = network(self.network.on_device(blob(picture)))
            return scores[0].cpu().numpy(), boxes[0].cpu().numpy(), points[0].cpu().numpy()


def blob(picture: Pixels) -> Floats:
    """(1, 3, h, w) as the network was trained: blue first, the mean color taken off."""
    return np.ascontiguousarray((picture[..., ::-1].astype(np.float32) - _MEAN).transpose(2, 0, 1)[None])
