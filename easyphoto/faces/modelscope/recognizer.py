"""Whose face it is, by CurricularFace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.base import Recognizer
from easyphoto.faces.builtin.onnx_net import blob_of, warp
from easyphoto.faces.geometry import similarity_transform
from easyphoto.faces.modelscope.curricular_face import SIDE, CurricularFace
from easyphoto.faces.modelscope.lazy_network import LazyNetwork
from easyphoto.faces.modelscope.weights import filled, read_tensors

ARC_FACE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""(5, 2) where ArcFace's 112 x 112 crop has eyes, nose tip and mouth corners (Deng et al., arXiv 1801.07698)."""

SAME_COSINE, STRICT_COSINE = 0.4, 0.5


def distance_of_cosine(cosine: float) -> float:
    """The L2 distance of two unit vectors with that cosine."""
    return float(np.sqrt(2 - 2 * cosine))


CURRICULAR = Recognizer(
    "curricularface-ir101", same=distance_of_cosine(SAME_COSINE), strict=distance_of_cosine(STRICT_COSINE)
)


def face_crop(picture: Pixels, points: ArrayLike) -> Pixels:
    """The upright 112 x 112 face by (5, 2) points."""
    return warp(picture, similarity_transform(points, ARC_FACE), SIDE)


class CurricularRecognizer:
    """Embeds faces."""

    def __init__(self, file: Path, device: torch.device) -> None:
        self.network = LazyNetwork(lambda: filled(CurricularFace, read_tensors(file), file), device)

    def release(self) -> None:
        """Forget the network."""
        self.network.release()

    def embed(self, picture: Pixels, points: ArrayLike) -> Floats:
        """(512,) of length 1 for the face with those (5, 2) points."""
        with self.network.working() as network:
            faces = self.network.on_device(blob_of(face_crop(picture, points), -1, 1))
            return np.asarray(network(faces)[0].cpu().numpy(), np.float32)
