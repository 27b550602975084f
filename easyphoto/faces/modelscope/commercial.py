"""The same toolbox of networks whose licenses allow commercial use: none of GPEN, none that knows persons."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from easyphoto.domain import Box, Face, Floats, Pixels, Pose
from easyphoto.faces.builtin.onnx_net import OnnxNet, blob_of, pixels_of, warp
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.geometry import Array, similarity_transform
from easyphoto.faces.likeness import distance
from easyphoto.faces.modelscope import files
from easyphoto.faces.modelscope.detector import RetinaFaceDetector
from easyphoto.faces.modelscope.enlarger import PictureEnlarger
from easyphoto.faces.modelscope.restorer import PortraitRestorer
from easyphoto.faces.modelscope.toolbox import FaceDetector, ModelscopeToolbox
from easyphoto.faces.modelscope.yunet import YunetDetector

_SIDE = 512
FFHQ = np.array([[192.98, 239.95], [318.90, 240.19], [256.63, 314.02], [201.26, 371.41], [313.09, 371.15]])
"""(5, 2) where FFHQ's faces of 512 pixels have eyes, nose tip and mouth corners (Karras et al., arXiv 1812.04948)."""


class OnnxRestorer:
    """Runs GFPGAN 1.4 (Wang et al., CVPR 2021, arXiv 2101.04061) or RestoreFormer++ (Wang et al., TPAMI 2023,
    arXiv 2308.07228) from its ONNX file: both take and give faces of 512 pixels, RGB of -1..1, aligned as FFHQ's."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @cached_property
    def _net(self) -> OnnxNet:
        return OnnxNet(self._file, arena=False)

    def release(self) -> None:
        """Forget the network."""
        self.__dict__.pop("_net", None)

    def restored(self, picture: Pixels, points: Floats) -> tuple[Pixels, Pixels, Array]:
        """(the aligned face as it is, made sharp, the matrix that cut it)."""
        matrix = similarity_transform(points, FFHQ)
        crop = warp(picture, matrix, _SIDE)
        made = self._net.run(blob_of(crop, -1, 1))[0][0].transpose(1, 2, 0)
        return crop, pixels_of(made), matrix


class RecognizerJudge:
    """Accepts a restored face that the built-in recognizer surely takes for the same person."""

    def __init__(self, toolbox: BuiltinToolbox) -> None:
        self._toolbox = toolbox

    def release(self) -> None:
        """Nothing: its networks are small."""

    def accepts(self, before: Pixels, after: Pixels) -> bool:
        """Both aligned as FFHQ's faces."""
        face = Face(Box(0, 0, _SIDE, _SIDE), np.asarray(FFHQ, np.float32), 1.0, Pose(0, 0, 0))
        gap = distance(*(self._toolbox.embed(one, face) for one in (before, after)))
        return gap <= self._toolbox.recognizer.strict


class CommercialToolbox(ModelscopeToolbox):
    """A `FaceToolbox` on the files that `files.COMMERCIAL` names, or their twins."""

    @cached_property
    def _detector(self) -> FaceDetector:
        file = files.present(self._paths, files.RETINAFACE)
        place = self._file(file)
        return YunetDetector(place) if file == files.YUNET else RetinaFaceDetector(place, self._device)

    @cached_property
    def _enlarger(self) -> PictureEnlarger:
        return PictureEnlarger(self._file(files.REALESRGAN), self._device)

    @cached_property
    def _restorer(self) -> PortraitRestorer:
        file = files.present(self._paths, files.GFPGAN)
        return PortraitRestorer(OnnxRestorer(self._file(file)), RecognizerJudge(self._builtin))
