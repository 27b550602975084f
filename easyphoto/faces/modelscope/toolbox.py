"""The face toolbox with ModelScope's networks."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from easyphoto.domain import Box, Face, Floats, Pixels
from easyphoto.faces.base import FaceRegions, FusionResult, FusionSource, Prepare, Recognizer, unprepared
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.geometry import box_of, left_to_right, pose_from_mesh, roll_of
from easyphoto.faces.modelscope.detector import RetinaFaceDetector
from easyphoto.faces.modelscope.files import CURRICULAR_FACE, RETINAFACE, NetworkFile
from easyphoto.faces.modelscope.lazy_network import best_device
from easyphoto.faces.modelscope.recognizer import CURRICULAR, CurricularRecognizer
from easyphoto.paths import Paths

_MESH_DENIES = 0.1  # mesh score under which a box is no face: the same that the built-in detector asks of two nets


class ModelscopeToolbox:
    """A `FaceToolbox` on the files that `files.NEEDED` names; roles without a network are the built-in toolbox's.

    Networks load at first use and raise MissingModel where their file is not there; a lock lets any thread call.
    """

    def __init__(self, paths: Paths, device: torch.device | None = None) -> None:
        self._paths, self._device = paths, device or best_device()
        self._builtin = BuiltinToolbox(paths)
        self._lock = threading.RLock()

    def release(self) -> None:
        """Give the networks' memory back; the next call reads them anew."""
        with self._lock:
            for name, value in list(vars(self).items()):
                if isinstance(getattr(type(self), name, None), cached_property):
                    value.network.release()

    @property
    def recognizer(self) -> Recognizer:
        """See `FaceToolbox`."""
        return CURRICULAR

    @cached_property
    def _detector(self) -> RetinaFaceDetector:
        return RetinaFaceDetector(self._file(RETINAFACE), self._device)

    @cached_property
    def _recognizer(self) -> CurricularRecognizer:
        return CurricularRecognizer(self._file(CURRICULAR_FACE), self._device)

    def _file(self, one: NetworkFile) -> Path:
        return one.path(self._paths)

    def detect(self, picture: Pixels) -> list[Face]:
        """Faces from left to right; boxes and pose come from the built-in mesh, points from RetinaFace."""
        with self._lock:
            found = self._detector.find(picture)
        rows = zip(found.boxes, found.points, found.scores, strict=True)
        faces = (self._face(picture, *row) for row in rows)
        return left_to_right(face for face in faces if face is not None)

    def _face(self, picture: Pixels, edges: Floats, points: Floats, score: float) -> Face | None:
        mesh = self._builtin.mesh_at(picture, Box(*map(float, edges)), roll_of(points[0], points[1]))
        if mesh.score <= _MESH_DENIES:
            return None
        pose = pose_from_mesh(mesh.points)
        return Face(box_of(mesh.points), np.asarray(points, np.float32), float(score), pose, mesh.points)

    def embed(self, picture: Pixels, face: Face) -> Floats:
        """(512,) of length 1."""
        with self._lock:
            return self._recognizer.embed(picture, face.points)

    def matte(self, picture: Pixels) -> Pixels:
        """See `FaceToolbox`."""
        return self._builtin.matte(picture)

    def regions(self, picture: Pixels, face: Face) -> FaceRegions:
        """See `FaceToolbox`."""
        return self._builtin.regions(picture, face)

    def retouch(self, picture: Pixels, face: Face, ratio: float) -> Pixels:
        """See `FaceToolbox`."""
        return self._builtin.retouch(picture, face, ratio)

    def skin_tone(self, picture: Pixels, face: Face) -> Floats | None:
        """See `FaceToolbox`."""
        return self._builtin.skin_tone(picture, face)

    def retone(self, picture: Pixels, face: Face, neighbors: Sequence[Face], tone: Floats) -> Pixels:
        """See `FaceToolbox`."""
        return self._builtin.retone(picture, face, neighbors, tone)

    def sharpen(self, picture: Pixels, scale: float) -> Pixels:
        """See `FaceToolbox`."""
        return self._builtin.sharpen(picture, scale)

    def enhance(self, photo: FusionSource) -> FusionSource:
        """See `FaceToolbox`."""
        return self._builtin.enhance(photo)

    def fuse(
        self,
        template: Pixels,
        face: Face,
        sources: Sequence[FusionSource],
        share: float = 1.0,
        prepare: Prepare = unprepared,
    ) -> FusionResult:
        """See `FaceToolbox`."""
        return self._builtin.fuse(template, face, sources, share, prepare)
