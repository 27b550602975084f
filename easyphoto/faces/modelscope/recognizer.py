"""Whose face it is, by CurricularFace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.arc_face import arc_face_crop
from easyphoto.faces.base import Recognizer
from easyphoto.faces.builtin.onnx_net import blob_of
from easyphoto.faces.modelscope.curricular_face import CurricularFace
from easyphoto.faces.modelscope.lazy_network import LazyNetwork
from easyphoto.faces.modelscope.weights import filled, read_tensors

SAME_COSINE, STRICT_COSINE = 0.4, 0.5


def distance_of_cosine(cosine: float) -> float:
    """The L2 distance of two unit vectors with that cosine."""
    return float(np.sqrt(2 - 2 * cosine))


CURRICULAR = Recognizer(
    "curricularface-ir101", same=distance_of_cosine(SAME_COSINE), strict=distance_of_cosine(STRICT_COSINE)
)


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
            faces = self.network.on_device(blob_of(arc_face_crop(picture, points), -1, 1))
            return np.asarray(network(faces)[0].cpu().numpy(), np.float32)
