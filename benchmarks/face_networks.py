"""CPU time and memory of every network of the ModelScope toolbox at its true size, with random weights, one thread.

    PYTHONPATH=. python benchmarks/face_networks.py [NAME ...]

Each runs in a process of its own on a real photo's size; memory is what the process holds at most above its start.
"""

from __future__ import annotations

import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from easyphoto.faces.modelscope.aei_net import AeiNet
from easyphoto.faces.modelscope.blemish_nets import BlemishDetector, BlemishPainter
from easyphoto.faces.modelscope.curricular_face import CurricularFace
from easyphoto.faces.modelscope.face_quality import QualityBackbone
from easyphoto.faces.modelscope.face_shape import FaceShapeNet
from easyphoto.faces.modelscope.gpen import Gpen
from easyphoto.faces.modelscope.retinaface import RetinaFace
from easyphoto.faces.modelscope.rrdb import RrdbNet, RrdbShape
from easyphoto.faces.modelscope.skin_unet import SkinUNet
from easyphoto.faces.modelscope.u2net import U2Net

WIDTHS = (512, 512, 512, 512, 512, 256, 128, 64)


@dataclass(frozen=True)
class Case:
    """A network and what it is shown."""

    make: Callable[[], nn.Module]
    shapes: tuple[tuple[int, ...], ...]


CASES = {
    "RetinaFace, 1000 x 750": Case(RetinaFace, ((1, 3, 750, 1000),)),
    "CurricularFace IR-101": Case(CurricularFace, ((1, 3, 112, 112),)),
    "U2-Net": Case(U2Net, ((1, 3, 320, 320),)),
    "ABPN generator": Case(SkinUNet, ((1, 3, 512, 512),)),
    "ABPN blemish detector": Case(BlemishDetector, ((1, 3, 768, 768),)),
    "ABPN blemish painter, a patch": Case(BlemishPainter, ((1, 3, 576, 576), (1, 1, 576, 576))),
    "EQFace": Case(QualityBackbone, ((1, 3, 112, 112),)),
    "GPEN-512": Case(lambda: Gpen(WIDTHS), ((1, 3, 512, 512),)),
    "GPEN-1024": Case(lambda: Gpen((*WIDTHS, 32)), ((1, 3, 1024, 1024),)),
    "Real-ESRGAN x2, a tile": Case(lambda: RrdbNet(RrdbShape(64, 32, 23, 2)), ((1, 3, 320, 320),)),
    "face shape": Case(FaceShapeNet, ((2, 3, 224, 224),)),
    "AEI-Net": Case(AeiNet, ((1, 3, 256, 256), (1, 512), (1, 17, 2), (1, 17, 2))),
}


def main(names: list[str]) -> None:
    """Of the named ones, or all."""
    print("| network | weights | CPU time | memory at work |\n|---|---|---|---|")
    for name in names or CASES:
        subprocess.run([sys.executable, __file__, "--one", name], check=True)


def measure(name: str) -> None:
    """One row of the table."""
    torch.set_num_threads(1)
    case = CASES[name]
    with torch.device("meta"):
        network = case.make()
    network.to_empty(device="cpu")
    for one in network.state_dict().values():
        one.copy_(torch.full_like(one, 0.5 / math.sqrt(max(1, one[0].numel() if one.dim() else 1))))
    network.eval().requires_grad_(False)
    size = sum(one.numel() * one.element_size() for one in network.state_dict().values())
    inputs = [torch.rand(shape) * 2 - 1 for shape in case.shapes]
    before, start = peak(), time.process_time()
    with torch.inference_mode():
        network(*inputs)
    spent, held = time.process_time() - start, peak() - before
    print(f"| {name} | {size / 1e6:.0f} MB | {spent:.1f} s | {held / 1e6:.0f} MB |", flush=True)


def peak() -> int:
    """Bytes the process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    measure(sys.argv[2]) if sys.argv[1:2] == ["--one"] else main(sys.argv[1:])
