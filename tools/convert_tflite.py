"""Writes the small nets as ONNX from the published TFLite files (see README.md beside this file).

    python convert_tflite.py FOLDER_WITH_the_tflite_files

Needs the packages `onnx` and `tflite`, which the program itself does not. Pictures become (n, 3, h, w); results keep
their shape and order. Weights stay 16-bit in the file and are widened when the runtime loads it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import tflite
from onnx import TensorProto, helper, numpy_helper

NETS = {
    "face_detection_back": "detector_back",
    "face_detection_full_range": "detector_full",
    "face_landmark": "mesh",
    "selfie_segmentation": "matte",
}
CODES = {number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)}
TYPES = {
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.INT32: np.int32,
}
TO_NCHW = (0, 3, 1, 2)
TO_NHWC = (0, 2, 3, 1)


class Converter:
    """One graph on its way from NHWC to NCHW."""

    def __init__(self, data: bytes) -> None:
        self.model = tflite.Model.GetRootAsModel(data, 0)
        self.graph = self.model.Subgraphs(0)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.values: dict[int, np.ndarray] = {}  # constants, widened

    # -------------------------------------------------------------- what the file holds

    def name(self, index: int) -> str:
        """Of a tensor."""
        return f"t{index}"

    def shape(self, index: int) -> list[int]:
        """As stored, NHWC."""
        return [int(v) for v in self.graph.Tensors(index).ShapeAsNumpy()]

    def stored(self, index: int) -> np.ndarray | None:
        """A constant's values, or None for an activation."""
        tensor = self.graph.Tensors(index)
        data = self.model.Buffers(tensor.Buffer()).DataAsNumpy()
        if isinstance(data, int):
            return None
        return data.view(TYPES[tensor.Type()]).reshape(self.shape(index))

    def constant(self, index: int) -> np.ndarray:
        """A constant's values, also behind DEQUANTIZE."""
        values = self.values.get(index)
        if values is None:
            values = self.stored(index)
        if values is None:
            raise ValueError(f"tensor {index} is not constant")
        return values

    # -------------------------------------------------------------- what is written

    def put(self, values: np.ndarray, name: str) -> str:
        """A stored constant; half precision gets a widening node."""
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return self.node("Cast", [name], f"{name}/wide", to=TensorProto.FLOAT) if values.dtype == np.float16 else name

    def node(self, kind: str, inputs: list[str], name: str, **attributes: object) -> str:
        """An operation with one result."""
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def activated(self, result: str, kind: int) -> None:
        """Renames the last node's result and puts the fused activation behind it."""
        if kind == tflite.ActivationFunctionType.NONE:
            return
        if kind != tflite.ActivationFunctionType.RELU:
            raise ValueError(f"activation {kind} is not known")
        self.nodes[-1].output[0] = f"{result}/linear"
        self.node("Relu", [f"{result}/linear"], result)

    # -------------------------------------------------------------- operations

    def options(self, op: tflite.Operator, kind: type) -> object:
        """The operation's own table."""
        table = op.BuiltinOptions()
        options = kind()
        options.Init(table.Bytes, table.Pos)
        return options

    def operand(self, index: int) -> str:
        """An activation's name, or a constant laid out for NCHW."""
        values = self.values.get(index, self.stored(index))
        if values is None:
            return self.name(index)
        name = f"{self.name(index)}/constant"
        return self.put(values.transpose(TO_NCHW) if values.ndim == 4 else values, name)

    def conv(self, op: tflite.Operator, depthwise: bool) -> None:
        """CONV_2D and DEPTHWISE_CONV_2D."""
        x, w, b = (int(op.Inputs(i)) for i in range(3))
        out = int(op.Outputs(0))
        options = self.options(op, tflite.DepthwiseConv2DOptions if depthwise else tflite.Conv2DOptions)
        kernel = self.constant(w).transpose((3, 0, 1, 2) if depthwise else TO_NCHW)
        inputs = [self.name(x), self.put(kernel, f"{self.name(out)}/kernel")]
        inputs.append(self.put(self.constant(b), f"{self.name(out)}/bias"))
        self.node(
            "Conv",
            inputs,
            self.name(out),
            strides=[options.StrideH(), options.StrideW()],
            dilations=[options.DilationHFactor(), options.DilationWFactor()],
            group=self.shape(x)[3] if depthwise else 1,
            **padding(options.Padding()),
        )
        self.activated(self.name(out), options.FusedActivationFunction())

    def deconv(self, op: tflite.Operator) -> None:
        """MediaPipe's own transposed convolution: kernel and stride 2, so that no pixels overlap."""
        x, w, b = (int(op.Inputs(i)) for i in range(3))
        out, kernel = int(op.Outputs(0)), self.constant(w)
        if kernel.shape[1:3] != (2, 2) or self.shape(out)[1] != 2 * self.shape(x)[1]:
            raise ValueError("only kernel 2, stride 2 is known")
        inputs = [self.name(x), self.put(kernel.transpose(3, 0, 1, 2), f"{self.name(out)}/kernel")]
        inputs.append(self.put(self.constant(b), f"{self.name(out)}/bias"))
        self.node("ConvTranspose", inputs, self.name(out), strides=[2, 2], kernel_shape=[2, 2])

    def pool(self, op: tflite.Operator, kind: str) -> None:
        """MAX_POOL_2D and AVERAGE_POOL_2D."""
        options, out = self.options(op, tflite.Pool2DOptions), self.name(int(op.Outputs(0)))
        sides, strides = [options.FilterHeight(), options.FilterWidth()], [options.StrideH(), options.StrideW()]
        more = padding(options.Padding())
        self.node(kind, [self.name(int(op.Inputs(0)))], out, kernel_shape=sides, strides=strides, **more)
        self.activated(out, options.FusedActivationFunction())

    def pad(self, op: tflite.Operator) -> None:
        """PAD with zeros."""
        pairs = self.constant(int(op.Inputs(1)))[list(TO_NCHW)]
        out = self.name(int(op.Outputs(0)))
        ends = self.put(pairs.T.reshape(-1).astype(np.int64), f"{out}/ends")
        self.node("Pad", [self.name(int(op.Inputs(0))), ends], out)

    def resize(self, op: tflite.Operator) -> None:
        """RESIZE_BILINEAR."""
        options, out = self.options(op, tflite.ResizeBilinearOptions), int(op.Outputs(0))
        how = "align_corners" if options.AlignCorners() else "asymmetric"
        how = "half_pixel" if options.HalfPixelCenters() else how
        n, h, w, c = self.shape(out)
        size = self.put(np.array([n, c, h, w], np.int64), f"{self.name(out)}/size")
        inputs = [self.name(int(op.Inputs(0))), "", "", size]
        self.node("Resize", inputs, self.name(out), mode="linear", coordinate_transformation_mode=how)

    def reshape(self, op: tflite.Operator) -> None:
        """RESHAPE of an activation, in the order of NHWC."""
        x, out = int(op.Inputs(0)), int(op.Outputs(0))
        flat = self.node("Transpose", [self.name(x)], f"{self.name(out)}/nhwc", perm=list(TO_NHWC))
        shape = self.put(np.array(self.shape(out), np.int64), f"{self.name(out)}/shape")
        self.node("Reshape", [flat, shape], self.name(out))

    def concat(self, op: tflite.Operator) -> None:
        """CONCATENATION of what RESHAPE made."""
        names = [self.name(int(i)) for i in op.InputsAsNumpy()]
        axis = self.options(op, tflite.ConcatenationOptions).Axis()
        self.node("Concat", names, self.name(int(op.Outputs(0))), axis=axis)

    def plain(self, op: tflite.Operator, kind: str) -> None:
        """Elementwise operations."""
        names = [self.operand(int(i)) for i in op.InputsAsNumpy()]
        out = self.name(int(op.Outputs(0)))
        self.node(kind, names, out)
        if kind in ("Add", "Mul"):
            options = self.options(op, tflite.AddOptions if kind == "Add" else tflite.MulOptions)
            self.activated(out, options.FusedActivationFunction())

    def prelu(self, op: tflite.Operator) -> None:
        """PRELU with one slope a channel."""
        out = self.name(int(op.Outputs(0)))
        slope = self.put(self.constant(int(op.Inputs(1))).reshape(-1, 1, 1), f"{out}/slope")
        self.node("PRelu", [self.name(int(op.Inputs(0))), slope], out)

    def dequantize(self, op: tflite.Operator) -> None:
        """A half-precision constant: remembered for those who use it."""
        self.values[int(op.Outputs(0))] = self.constant(int(op.Inputs(0)))

    def convert(self) -> onnx.ModelProto:
        """The whole graph."""
        for i in range(self.graph.OperatorsLength()):
            op = self.graph.Operators(i)
            code = self.model.OperatorCodes(op.OpcodeIndex())
            kind = CODES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            OPERATIONS[code.CustomCode().decode() if kind == "CUSTOM" else kind](self, op)
        return self._finished()

    def _finished(self) -> onnx.ModelProto:
        """With inputs and outputs named as in the TFLite file."""
        ends = []
        for index in self.graph.OutputsAsNumpy():
            title, shape = self.graph.Tensors(int(index)).Name().decode(), self.shape(int(index))
            if len(shape) == 4:
                self.node("Transpose", [self.name(int(index))], title, perm=list(TO_NHWC))
            else:
                self.node("Identity", [self.name(int(index))], title)
            ends.append(helper.make_tensor_value_info(title, TensorProto.FLOAT, shape))
        start = int(self.graph.Inputs(0))
        n, h, w, c = self.shape(start)
        begin = [helper.make_tensor_value_info(self.name(start), TensorProto.FLOAT, [n, c, h, w])]
        graph = helper.make_graph(self.nodes, "net", begin, ends, list(self.constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


def padding(kind: int) -> dict[str, object]:
    """ONNX attributes for TFLite's SAME and VALID."""
    return {"auto_pad": "SAME_UPPER"} if kind == tflite.Padding.SAME else {"auto_pad": "VALID"}


OPERATIONS: dict[str, Callable[[Converter, tflite.Operator], None]] = {
    "CONV_2D": lambda c, op: c.conv(op, depthwise=False),
    "DEPTHWISE_CONV_2D": lambda c, op: c.conv(op, depthwise=True),
    "Convolution2DTransposeBias": Converter.deconv,
    "MAX_POOL_2D": lambda c, op: c.pool(op, "MaxPool"),
    "AVERAGE_POOL_2D": lambda c, op: c.pool(op, "AveragePool"),
    "PAD": Converter.pad,
    "RESIZE_BILINEAR": Converter.resize,
    "RESHAPE": Converter.reshape,
    "CONCATENATION": Converter.concat,
    "ADD": lambda c, op: c.plain(op, "Add"),
    "MUL": lambda c, op: c.plain(op, "Mul"),
    "RELU": lambda c, op: c.plain(op, "Relu"),
    "HARD_SWISH": lambda c, op: c.plain(op, "HardSwish"),
    "LOGISTIC": lambda c, op: c.plain(op, "Sigmoid"),
    "PRELU": Converter.prelu,
    "DEQUANTIZE": Converter.dequantize,
}


def main(folder: Path) -> None:
    """Converts every net of NETS."""
    for source, target in NETS.items():
        model = Converter((folder / f"{source}.tflite").read_bytes()).convert()
        onnx.save(model, str(Path(__file__).resolve().parents[1] / "models" / "builtin" / "faces" / f"{target}.onnx"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
