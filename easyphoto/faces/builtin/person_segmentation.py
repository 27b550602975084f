"""Where persons are: MediaPipe's selfie segmentation, its edge laid along the picture's own."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.builtin.onnx_net import OnnxNet, blob_of
from easyphoto.faces.guided_filter import guided_filter, luma

_SIZE = 256
_RADIUS = 0.012  # of the longer side
_SOFTNESS = 1e-3
_WORKING_SIDE = 1024
_SURE = 0.1, 0.9  # probabilities taken for none and all
_SPECK = 0.01  # islands smaller than this share of the largest one are no persons
_PERSON = 0.9  # nor are islands nowhere as probable as this


class PersonSegmenter:
    """Finds persons; not other things."""

    def __init__(self, folder: Path) -> None:
        self._net = OnnxNet(folder / "matte.onnx")

    def matte(self, picture: Pixels) -> Pixels:
        """uint8 H x W, 255 = person."""
        h, w = picture.shape[:2]
        rough = np.asarray(cv2.resize(self._probability(picture), (w, h), interpolation=cv2.INTER_LINEAR))
        radius = max(1, round(_RADIUS * max(h, w)))
        fine = guided_filter(luma(picture), rough, radius, _SOFTNESS, _WORKING_SIDE)
        low, high = _SURE
        return np.asarray(np.rint(np.clip((fine - low) / (high - low), 0, 1) * 255), np.uint8)

    def _probability(self, picture: Pixels) -> Floats:
        """256 x 256 of the stretched picture, as the net was trained."""
        square = np.asarray(cv2.resize(picture, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA), np.uint8)
        (values,) = self._net.run(blob_of(square, 0.0, 1.0))
        return without_specks(values.reshape(_SIZE, _SIZE))


def without_specks(probability: Floats) -> Floats:
    """The same with small islands, and all that is not part of any island, set to 0."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((probability > _SURE[0]).astype(np.uint8))
    if count <= 1:
        return np.zeros_like(probability)
    areas, peaks = stats[:, cv2.CC_STAT_AREA], np.zeros(count, np.float32)
    np.maximum.at(peaks, labels.ravel(), probability.ravel())
    peaks[0] = 0  # what is no island
    kept = (areas >= _SPECK * areas[1:].max()) & (peaks >= min(_PERSON, float(peaks.max())))
    return np.where(kept[labels], probability, np.float32(0))
