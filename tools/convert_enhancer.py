"""Writes enhancer.onnx from the published ncnn files of Real-ESRGAN x4plus (see models/builtin/faces/README.md).

    python convert_enhancer.py FOLDER_WITH_realesrgan-x4plus.param_AND_.bin

Needs the package `onnx`, which the program itself does not. The net takes and gives (1, 3, h, w) RGB, 0..1, of any
size, and enlarges four times. Weights stay 16-bit in the file and are widened when the runtime loads it.

The ncnn format, as far as this net uses it: the .param file is text, one layer a line: type, name, number of inputs,
number of outputs, their names, then key=value parameters (an array's key is -23300 minus its number, its value begins
with its length). The .bin file holds the weights in the layers' order: a 32-bit flag (0x01306B47 = 16-bit floats),
the values padded to four bytes, then the biases as 32-bit floats.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SOURCE = "realesrgan-x4plus"
MAGIC = "7767517"
HALF = 0x01306B47
ARRAY = -23300
LEAKY = "2"  # activation type of a convolution
# Parameter numbers of ncnn's layers.
OUTPUTS, KERNEL, PADDING, BIASED, WEIGHTS, ACTIVATION, SLOPE = "0", "1", "4", "5", "6", "9", "10"


@dataclass(frozen=True, eq=False)
class Layer:
    """One line of the .param file with its weights."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    numbers: dict[str, str]  # parameter number -> value
    arrays: dict[str, tuple[float, ...]]
    kernel: NDArray[np.float16] | None = None  # (outputs, inputs, k, k)
    bias: NDArray[np.float32] | None = None


def read_layers(param: str, weights: bytes) -> list[Layer]:
    """All layers of a net. Raises ValueError for a format or a layer this reader does not know."""
    lines = param.splitlines()
    if lines[0].strip() != MAGIC:
        raise ValueError("not a text .param file of ncnn")
    offset, layers = 0, []
    for line in lines[2:]:
        layer = _layer(line)
        if layer.kind == "Convolution":
            layer, offset = _with_weights(layer, weights, offset)
        layers.append(layer)
    if offset != len(weights):
        raise ValueError(f"{len(weights) - offset} bytes of the weights belong to no layer")
    return layers


def _layer(line: str) -> Layer:
    kind, name, count_in, count_out, *rest = line.split()
    first, last = int(count_in), int(count_in) + int(count_out)
    numbers, arrays = {}, {}
    for pair in rest[last:]:
        key, value = pair.split("=")
        if int(key) <= ARRAY:
            _, *values = value.split(",")
            arrays[str(ARRAY - int(key))] = tuple(float(v) for v in values)
        else:
            numbers[key] = value
    return Layer(kind, name, tuple(rest[:first]), tuple(rest[first:last]), numbers, arrays)


def _with_weights(layer: Layer, data: bytes, offset: int) -> tuple[Layer, int]:
    """The convolution with its weights, and where the next layer's begin."""
    (flag,) = struct.unpack_from("<I", data, offset)
    if flag != HALF or layer.numbers.get(BIASED) != "1":
        raise ValueError(f"{layer.name}: only 16-bit weights with biases are known")
    outputs, side, count = (int(layer.numbers[key]) for key in (OUTPUTS, KERNEL, WEIGHTS))
    kernel = np.frombuffer(data, "<f2", count, offset + 4).reshape(outputs, -1, side, side)
    offset += 4 + (2 * count + 3) // 4 * 4
    bias = np.frombuffer(data, "<f4", outputs, offset)
    known = Layer(layer.kind, layer.name, layer.inputs, layer.outputs, layer.numbers, layer.arrays, kernel, bias)
    return known, offset + 4 * outputs


class Graph:
    """An ONNX graph being written, layer by layer."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.source: dict[str, str] = {}  # what the outputs of Split layers are copies of

    def constant(self, values: NDArray[np.generic], name: str) -> str:
        """A stored tensor."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        """An operation with one result."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def inputs_of(self, layer: Layer) -> list[str]:
        """The layer's inputs, looked up behind copies."""
        return [self.source.get(name, name) for name in layer.inputs]

    def split(self, layer: Layer) -> None:
        """Copies: not written, only remembered."""
        self.source.update(dict.fromkeys(layer.outputs, self.inputs_of(layer)[0]))

    def convolution(self, layer: Layer) -> None:
        """With its activation, if it has one."""
        out, activated = layer.outputs[0], layer.numbers.get(ACTIVATION) == LEAKY
        half = self.constant(layer.kernel, f"{out}/kernel16")
        kernel = self.node("Cast", [half], f"{out}/kernel", to=TensorProto.FLOAT)
        inputs = [self.inputs_of(layer)[0], kernel, self.constant(layer.bias, f"{out}/bias")]
        self.node("Conv", inputs, f"{out}/linear" if activated else out, pads=[int(layer.numbers[PADDING])] * 4)
        if activated:
            self.node("LeakyRelu", [f"{out}/linear"], out, alpha=layer.arrays[SLOPE][0])

    def concat(self, layer: Layer) -> None:
        """Along the channels."""
        self.node("Concat", self.inputs_of(layer), layer.outputs[0], axis=1)

    def scaled_sum(self, layer: Layer) -> None:
        """Eltwise: a sum with a coefficient an input."""
        if layer.numbers.get("0") != "1":
            raise ValueError(f"{layer.name}: only sums are known")
        out, parts = layer.outputs[0], []
        for number, (name, ratio) in enumerate(zip(self.inputs_of(layer), layer.arrays["1"], strict=True)):
            if ratio == 1:
                parts.append(name)
                continue
            factor = self.constant(np.array(ratio, np.float32), f"{out}/ratio{number}")
            parts.append(self.node("Mul", [name, factor], f"{out}/part{number}"))
        self.node("Add", parts, out)

    def plain_sum(self, layer: Layer) -> None:
        """BinaryOp."""
        if layer.numbers.get("0", "0") != "0":
            raise ValueError(f"{layer.name}: only sums are known")
        self.node("Add", self.inputs_of(layer), layer.outputs[0])

    def enlarge(self, layer: Layer) -> None:
        """Interp: every pixel repeated."""
        if layer.numbers["0"] != "1":
            raise ValueError(f"{layer.name}: only nearest neighbors are known")
        out = layer.outputs[0]
        ratios = np.array([1, 1, float(layer.numbers["1"]), float(layer.numbers["2"])], np.float32)
        inputs = [self.inputs_of(layer)[0], "", self.constant(ratios, f"{out}/ratios")]
        how = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
        self.node("Resize", inputs, out, **how)

    def model(self, begin: str, end: str) -> onnx.ModelProto:
        """All that was written, checked."""
        first = helper.make_tensor_value_info(begin, TensorProto.FLOAT, [1, 3, "height", "width"])
        last = helper.make_tensor_value_info(end, TensorProto.FLOAT, [1, 3, "height4", "width4"])
        graph = helper.make_graph(self.nodes, "enhancer", [first], [last], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
        onnx.checker.check_model(model)
        return model


OPERATIONS: dict[str, Callable[[Graph, Layer], None]] = {
    "Input": lambda graph, layer: None,
    "Split": Graph.split,
    "Convolution": Graph.convolution,
    "Concat": Graph.concat,
    "Eltwise": Graph.scaled_sum,
    "BinaryOp": Graph.plain_sum,
    "Interp": Graph.enlarge,
}


def convert(layers: list[Layer]) -> onnx.ModelProto:
    """The ONNX model of the layers. Raises KeyError for a kind of layer this converter does not know."""
    graph = Graph()
    for layer in layers:
        OPERATIONS[layer.kind](graph, layer)
    return graph.model(layers[0].outputs[0], layers[-1].outputs[0])


def main(folder: Path) -> None:
    """Converts the net."""
    param = (folder / f"{SOURCE}.param").read_text(encoding="ascii")
    model = convert(read_layers(param, (folder / f"{SOURCE}.bin").read_bytes()))
    target = Path(__file__).resolve().parents[1] / "models" / "builtin" / "faces" / "enhancer.onnx"
    onnx.save(model, str(target))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
