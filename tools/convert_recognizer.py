"""Writes recogniser.onnx from the published dlib ResNet-29 weights (see README.md beside this file).

    python convert_recogniser.py FOLDER_WITH_face_recognition_model.bin

Needs the `onnx` package, which the program itself does not. The 8-bit weights stay 8-bit in the file: each
convolution's kernel is `bytes * gain + offset` with the following scale layer folded into gain and offset, so that the
runtime unfolds them once when it loads the file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STAGES = (32, 32, 32), (64, 64, 64, 64), (128, 128, 128), (256, 256, 256)


class Weights:
    """The published file: raw tensors one after the other, described by the manifest."""

    def __init__(self, folder: Path) -> None:
        groups = json.loads((folder / "face_recognition_model-weights_manifest.json").read_text())
        data, start = (folder / "face_recognition_model.bin").read_bytes(), 0
        self.tensors: dict[str, tuple[np.ndarray, float, float]] = {}
        for entry in groups[0]["weights"]:
            packed = entry.get("quantization")
            kind, count = np.dtype(np.uint8 if packed else "<f4"), int(np.prod(entry["shape"]))
            raw = np.frombuffer(data, kind, count, start).reshape(entry["shape"])
            start += raw.nbytes
            self.tensors[entry["name"]] = (raw, packed["scale"], packed["min"]) if packed else (raw, 1.0, 0.0)
        if start != len(data):
            raise ValueError(f"{len(data) - start} bytes of the weights are not described")

    def raw(self, name: str) -> tuple[np.ndarray, float, float]:
        """Stored values, gain, offset."""
        return self.tensors[name]

    def real(self, name: str) -> np.ndarray:
        """As float32."""
        raw, gain, offset = self.tensors[name]
        return (raw.astype(np.float64) * gain + offset).astype(np.float32)


class Graph:
    """Collects nodes; every method gives the name of its result."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, values: np.ndarray, name: str) -> str:
        """A stored tensor."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, kind: str, inputs: list[str], name: str, **attributes: object) -> str:
        """An operation with one result."""
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def kernel(self, layer: str) -> str:
        """(out, in, h, w) of a convolution with its scale layer folded in."""
        raw, gain, offset = self.weights.raw(f"{layer}/conv/filters")
        scale = self.weights.real(f"{layer}/scale/weights").reshape(-1, 1, 1, 1)
        stored = self.constant(raw.transpose(3, 2, 0, 1), f"{layer}/kernel/stored")
        real = self.node("Cast", [stored], f"{layer}/kernel/cast", to=TensorProto.FLOAT)
        gains = self.constant((scale * gain).astype(np.float32), f"{layer}/kernel/gain")
        scaled = self.node("Mul", [real, gains], f"{layer}/kernel/scaled")
        if not offset:
            return scaled
        offsets = self.constant((scale * offset).astype(np.float32), f"{layer}/kernel/offset")
        return self.node("Add", [scaled, offsets], f"{layer}/kernel")

    def conv(self, x: str, layer: str, stride: int, relu: bool) -> str:
        """Convolution, scale and perhaps ReLU; strided ones do not pad."""
        real = self.weights.real
        bias = real(f"{layer}/conv/bias") * real(f"{layer}/scale/weights") + real(f"{layer}/scale/biases")
        pads = [0] * 4 if stride == 2 else [1] * 4
        inputs = [x, self.kernel(layer), self.constant(bias, f"{layer}/bias")]
        y = self.node("Conv", inputs, f"{layer}/out", strides=[stride] * 2, pads=pads)
        return self.node("Relu", [y], f"{layer}/relu") if relu else y

    def pad(self, x: str, name: str, ends: list[int]) -> str:
        """Zeros at the end of each axis."""
        return self.node("Pad", [x, self.constant(np.array([0] * 4 + ends, np.int64), f"{name}/ends")], name)

    def residual(self, x: str, name: str) -> str:
        """x + two convolutions."""
        y = self.conv(self.conv(x, f"{name}/conv1", 1, True), f"{name}/conv2", 1, False)
        return self.node("Relu", [self.node("Add", [x, y], f"{name}/sum")], name)

    def residual_down(self, x: str, name: str, more_channels: int, short_by: int) -> str:
        """The same at half size; shortcut averaged and widened with zeros, result grown by `short_by` rows."""
        y = self.conv(self.conv(x, f"{name}/conv1", 2, True), f"{name}/conv2", 1, False)
        if short_by:
            y = self.pad(y, f"{name}/grown", [0, 0, short_by, short_by])
        short = self.node("AveragePool", [x], f"{name}/short", kernel_shape=[2, 2], strides=[2, 2])
        if more_channels:
            short = self.pad(short, f"{name}/wide", [0, more_channels, 0, 0])
        return self.node("Relu", [self.node("Add", [short, y], f"{name}/sum")], name)


def build(weights: Weights) -> onnx.ModelProto:
    """(n, 3, 150, 150) RGB minus the dlib mean over 256 -> (n, 128)."""
    g = Graph(weights)
    x = g.conv("face", "conv32_down", 2, True)
    x = g.node("MaxPool", [x], "pool", kernel_shape=[3, 3], strides=[2, 2])
    for stage in STAGES:
        width = stage[0]
        names = [f"conv{width}_{i}" for i in range(1, len(stage) + (width == 32))]
        if width > 32:
            x = g.residual_down(x, f"conv{width}_down", width // 2, 1 if width == 256 else 0)
        for name in names:
            x = g.residual(x, name)
    x = g.residual_down(x, "conv256_down_out", 0, 1)
    x = g.node("Flatten", [g.node("GlobalAveragePool", [x], "mean")], "flat")
    raw, gain, offset = weights.raw("fc")
    real = g.node("Cast", [g.constant(raw, "fc/stored")], "fc/cast", to=TensorProto.FLOAT)
    scaled = g.node("Mul", [real, g.constant(np.float32(gain), "fc/gain")], "fc/scaled")
    matrix = g.node("Add", [scaled, g.constant(np.float32(offset), "fc/offset")], "fc/matrix")
    g.node("MatMul", [x, matrix], "embedding")
    graph = helper.make_graph(
        g.nodes,
        "dlib face recognition ResNet-29",
        [helper.make_tensor_value_info("face", TensorProto.FLOAT, ["n", 3, 150, 150])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 128])],
        g.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


if __name__ == "__main__":
    onnx.save(
        build(Weights(Path(sys.argv[1]))),
        str(Path(__file__).resolve().parents[1] / "models" / "builtin" / "faces" / "recogniser.onnx"),
    )
