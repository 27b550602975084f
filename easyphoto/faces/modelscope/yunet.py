"""Where faces are, by YuNet (Wu et al., Machine Intelligence Research 2023) as OpenCV runs it; five points each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from easyphoto.domain import Pixels
from easyphoto.errors import BadModel, MissingModel
from easyphoto.faces.modelscope.anchors import Detections

SURE, OVERLAP, MOST = 0.8, 0.3, 100  # score of a face, share of two boxes that are one face, faces
_LONGEST = 1000  # longer side from which the picture is shrunk: the network knows faces of 10 to 300 pixels
_POINTS = slice(4, 14)  # of a row: box, five points from the eye on the picture's left on, score


class YunetDetector:
    """Finds faces with five points each."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._network: Any = None

    def release(self) -> None:
        """Forget the network."""
        self._network = None

    def find(self, picture: Pixels) -> Detections:
        """Faces in the pixels of an RGB picture, the surest first."""
        network = self._network = self._network or self._opened()
        ratio = min(1.0, _LONGEST / max(picture.shape[:2]))
        size = (max(1, round(picture.shape[1] * ratio)), max(1, round(picture.shape[0] * ratio)))
        small = picture if ratio == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        network.setInputSize(size)
        _, found = network.detect(np.ascontiguousarray(small[..., ::-1]))
        rows = np.zeros((0, 15), np.float32) if found is None else np.asarray(found, np.float32)
        rows = rows[np.argsort(-rows[:, 14], kind="stable")]
        zoom = np.array([picture.shape[1] / size[0], picture.shape[0] / size[1]], np.float32)
        edges = np.hstack([rows[:, :2], rows[:, :2] + rows[:, 2:4]]) * np.tile(zoom, 2)
        return Detections(edges, rows[:, _POINTS].reshape(-1, 5, 2) * zoom, rows[:, 14])

    def _opened(self) -> Any:
        """Raises MissingModel, BadModel."""
        if not self._file.is_file():
            raise MissingModel("modelscope.missing", stage="load face models", file=str(self._file))
        data = np.fromfile(self._file, np.uint8)  # as bytes, since OpenCV takes ASCII paths only
        try:
            return cv2.FaceDetectorYN.create("onnx", data, np.zeros(0, np.uint8), (32, 32), SURE, OVERLAP, MOST)
        except cv2.error as fault:
            raise BadModel("modelscope.damaged", stage="load face models", file=str(self._file)) from fault
