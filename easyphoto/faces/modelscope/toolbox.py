"""The face toolbox with ModelScope's networks."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from easyphoto.domain import Box, Face, Floats, Pixels
from easyphoto.faces.base import (
    FaceRegions,
    FusionResult,
    FusionSource,
    FusionTarget,
    Prepare,
    Recognizer,
    unprepared,
)
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.geometry import box_of, left_to_right, pose_from_mesh, roll_of
from easyphoto.faces.modelscope import files
from easyphoto.faces.modelscope.anchors import Detections
from easyphoto.faces.modelscope.detector import RetinaFaceDetector
from easyphoto.faces.modelscope.enlarger import PictureEnlarger
from easyphoto.faces.modelscope.files import NetworkFile
from easyphoto.faces.modelscope.fuser import FaceFuser, FusionFiles
from easyphoto.faces.modelscope.lazy_network import best_device
from easyphoto.faces.modelscope.parser import FaceParser
from easyphoto.faces.modelscope.recognizer import CURRICULAR, CurricularRecognizer
from easyphoto.faces.modelscope.restorer import GpenRestorer, PortraitRestorer, QualityJudge
from easyphoto.faces.modelscope.retoucher import SkinRetoucher
from easyphoto.faces.modelscope.segmenter import SaliencySegmenter
from easyphoto.faces.wear import Wear
from easyphoto.paths import Paths

_MESH_DENIES = 0.1  # mesh score under which a box is no face: the same that the built-in detector asks of two nets


class FaceDetector(Protocol):
    """A detector."""

    def find(self, picture: Pixels) -> Detections:
        """Faces in the pixels of an RGB picture, the surest first."""
        ...

    def release(self) -> None:
        """Forget the network."""
        ...


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
                    value.release()

    @property
    def recognizer(self) -> Recognizer:
        """See `FaceToolbox`."""
        return CURRICULAR

    @cached_property
    def _detector(self) -> FaceDetector:
        return RetinaFaceDetector(self._file(files.RETINAFACE), self._device)

    @cached_property
    def _recognizer(self) -> CurricularRecognizer:
        return CurricularRecognizer(self._file(files.CURRICULAR_FACE), self._device)

    @cached_property
    def _segmenter(self) -> SaliencySegmenter:
        return SaliencySegmenter(self._file(files.U2NET), self._device)

    @cached_property
    def _parser(self) -> FaceParser:
        return FaceParser(self._file(files.BISENET))

    @cached_property
    def _retoucher(self) -> SkinRetoucher:
        return SkinRetoucher(self._file(files.SKIN_UNET), self._file(files.BLEMISH_NETS), self._device)

    @cached_property
    def _enlarger(self) -> PictureEnlarger:
        return PictureEnlarger(self._file(files.REALESRNET), self._device)

    @cached_property
    def _restorer(self) -> PortraitRestorer:
        judge = QualityJudge(self._file(files.QUALITY_BACKBONE), self._file(files.QUALITY_HEAD), self._device)
        return PortraitRestorer(GpenRestorer(self._file(files.GPEN_512), self._device), judge)

    @cached_property
    def _fuser(self) -> FaceFuser:
        parts = (files.AEI_NET, files.CURRICULAR_FACE, files.FACE_SHAPE, files.FACE_MODEL, files.FUSION_ALPHA)
        sharp = GpenRestorer(self._file(files.GPEN_1024), self._device)
        return FaceFuser(FusionFiles(*map(self._file, parts)), sharp, self._device)

    def _file(self, one: NetworkFile) -> Path:
        return one.path(self._paths)

    def _skin(self, picture: Pixels, face: Face) -> Pixels:
        """By the network where its file is there."""
        parsed = self._file(files.BISENET).is_file()
        return (self if parsed else self._builtin).regions(picture, face).skin

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
        """uint8 H x W, 255 = what stands out most."""
        with self._lock:
            return self._segmenter.matte(picture)

    def regions(self, picture: Pixels, face: Face) -> FaceRegions:
        """Masks of that face, soft at their edges."""
        with self._lock:
            return self._parser.regions(picture, face)

    def retouch(self, picture: Pixels, face: Face, ratio: float) -> Pixels:
        """Blemishes painted over and skin smoothed; its mean color stays."""
        skin = self._skin(picture, face)
        with self._lock:
            return self._retoucher.retouch(picture, face.box, skin, ratio)

    def skin_tone(self, picture: Pixels, face: Face) -> Floats | None:
        """See `FaceToolbox`."""
        return self._builtin.skin_tone(picture, face)

    def retone(self, picture: Pixels, face: Face, neighbors: Sequence[Face], tone: Floats) -> Pixels:
        """See `FaceToolbox`."""
        return self._builtin.retone(picture, face, neighbors, tone)

    def sharpen(self, picture: Pixels, scale: float) -> Pixels:
        """Enlarged `scale` times, half of it Real-ESRGAN's detail."""
        with self._lock:
            return self._enlarger.sharpen(picture, scale)

    def enhance(self, photo: FusionSource) -> FusionSource:
        """A face of 100 to 300 pixels made sharp by GPEN and 480 wide, if the quality network accepts it."""
        with self._lock:
            return self._restorer.enhance(photo)

    def worn(self, picture: Pixels, face: Face) -> Wear:
        """See `FaceToolbox`."""
        return self._builtin.worn(picture, face)

    def fuse(
        self,
        target: FusionTarget,
        sources: Sequence[FusionSource],
        share: float = 1.0,
        prepare: Prepare = unprepared,
    ) -> FusionResult:
        """The best source's identity in the face of `target`; its pose, expression and light are the template's."""
        with self._lock:
            return self._fuser.fuse(target, sources, share, prepare)
