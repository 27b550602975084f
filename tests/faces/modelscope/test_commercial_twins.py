"""YuNet and RestoreFormer++ from ONNX files: OpenCV decodes a graph of YuNet's outputs, and twins stand in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx_files import Node, write_onnx

from easyphoto.errors import BadModel, MissingModel
from easyphoto.faces.composed import Role
from easyphoto.faces.modelscope import files
from easyphoto.faces.modelscope.commercial import FFHQ, CommercialToolbox, OnnxRestorer
from easyphoto.faces.modelscope.yunet import YunetDetector
from easyphoto.paths import Paths

STRIDES, PARTS = (8, 16, 32), {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
POINTS = np.array([[-0.2, -0.2], [0.2, -0.2], [0, 0], [-0.15, 0.2], [0.15, 0.2]], np.float32)
"""Of a face in cells from the cell's corner, eye on the picture's left first."""


def write_yunet(file: Path) -> Path:
    """The published file's inputs and outputs (2023mar); it sees a face of two cells in each cell of 32 that is red."""
    nodes: list[Node] = []
    weights: dict[str, np.ndarray] = {}
    outputs: dict[str, list[int]] = {}
    for stride in STRIDES:
        cells = (640 // stride) ** 2
        for part, count in PARTS.items():
            name = f"{part}_{stride}"
            kernel = np.zeros((count, 3, stride, stride))
            bias = {"cls": [-20.0], "obj": [-20.0], "bbox": [0.5, 0.5, *np.log([2, 2])], "kps": POINTS.ravel()}[part]
            if count == 1 and stride == 32:
                kernel[0, 2] = 40 / 255 / stride**2  # blue, green, red
            weights |= {f"{name}_w": kernel, f"{name}_b": np.asarray(bias)}
            settings = {"kernel_shape": [stride] * 2, "strides": [stride] * 2}
            nodes.append(Node("Conv", ["input", f"{name}_w", f"{name}_b"], [f"{name}_c"], settings))
            nodes.append(Node("Transpose", [f"{name}_c"], [f"{name}_t"], {"perm": [0, 2, 3, 1]}))
            weights[f"{name}_s"] = np.array([1, -1, count])
            last = f"{name}_r" if count == 1 else name
            nodes.append(Node("Reshape", [f"{name}_t", f"{name}_s"], [last]))
            if count == 1:
                nodes.append(Node("Sigmoid", [last], [name]))
            outputs[name] = [1, cells, count]
    return write_onnx(file, nodes, weights, {"input": [1, 3, 640, 640]}, outputs)


@pytest.mark.parametrize(("width", "ratio"), [(320, 1.0), (1280, 1000 / 1280)])
def test_yunet_finds_boxes_and_points_in_the_picture_s_own_pixels(tmp_path: Path, width: int, ratio: float):
    """A large picture is shrunk by `ratio` before; the red cell is the one at 128, 64 there."""
    picture = np.zeros((width // 2, width, 3), np.uint8)
    left, top, right, bottom = (round(edge / ratio) for edge in (128, 64, 160, 96))
    picture[top:bottom, left:right, 0] = 255
    detector = YunetDetector(write_yunet(tmp_path / "网 yunet.onnx"))
    found = detector.find(picture)
    assert found.scores.shape == (1,) and found.scores[0] > 0.9
    assert np.allclose(found.boxes * ratio, [[112, 48, 176, 112]], atol=0.5)
    assert np.allclose(found.points[0] * ratio, np.array([128, 64]) + POINTS * 32, atol=0.5)
    assert detector.find(np.zeros_like(picture)).boxes.shape == (0, 4)


def test_a_file_that_is_no_network_is_told(tmp_path: Path):
    with pytest.raises(MissingModel):
        YunetDetector(tmp_path / "none.onnx").find(np.zeros((64, 64, 3), np.uint8))
    (tmp_path / "bad.onnx").write_bytes(b"no graph")
    with pytest.raises(BadModel):
        YunetDetector(tmp_path / "bad.onnx").find(np.zeros((64, 64, 3), np.uint8))


def test_a_restorer_of_any_name_takes_and_gives_faces_of_512(tmp_path: Path):
    shape = [1, 3, 512, 512]
    nodes = [Node("Mul", ["in", "half"], ["out"])]
    file = write_onnx(tmp_path / "any.onnx", nodes, {"half": np.array([0.5])}, {"in": shape}, {"out": shape})
    picture = np.random.default_rng(0).integers(0, 256, (700, 700, 3)).astype(np.uint8)
    crop, sharp, _ = OnnxRestorer(file).restored(picture, np.asarray(FFHQ, np.float32))
    assert np.abs(sharp - (127.5 + (crop - 127.5) * 0.5)).max() <= 1


def test_a_twin_stands_in_where_it_alone_is_there(tmp_path: Path):
    paths = Paths(tmp_path)
    box = CommercialToolbox(paths)
    assert files.missing_of_commercial(paths)[Role.DETECT] == (files.RETINAFACE.path(paths),)
    place = files.YUNET.path(paths)
    place.parent.mkdir(parents=True)
    write_yunet(place)
    files.RESTOREFORMER.path(paths).parent.mkdir(parents=True)
    files.RESTOREFORMER.path(paths).write_bytes(b"x")
    assert files.missing_of_commercial(paths)[Role.DETECT] == ()
    assert files.missing_of_commercial(paths)[Role.ENHANCE] == (files.REALESRGAN.path(paths),)
    assert isinstance(box._detector, YunetDetector)
    assert files.missing(paths)[Role.DETECT] == (files.RETINAFACE.path(paths),)  # of the method's own networks
