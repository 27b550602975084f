"""In which numbers this processor computes faster; the trainer and the engine ask alike.

A flag of the processor does not tell: bf16 without the right instructions is emulated, and with them a small
convolution may still be slower. So it is measured once, in a twentieth of a second, and the figures are kept.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

_log = logging.getLogger(__name__)

GAIN = 1.2
"""So many times as fast bf16 has to be: below it lies the noise of a busy machine."""
BUDGET = 0.05
"""Seconds of processor time that the probe takes, warm-up apart; on a busy machine at least FEWEST runs."""
FEWEST = 4
FILE = "processor.json"


@dataclass(frozen=True)
class Bf16Probe:
    """Seconds of processor time of a matrix product and of a convolution in both types, the fastest of several runs."""

    matmul_fp32: float
    matmul_bf16: float
    conv_fp32: float
    conv_bf16: float

    @property
    def gain(self) -> float:
        """How many times as fast bf16 is: of both kinds of work the smaller figure."""
        return min(self.matmul_fp32 / self.matmul_bf16, self.conv_fp32 / self.conv_bf16)

    @property
    def faster(self) -> bool:
        """Whether bf16 pays here."""
        return self.gain >= GAIN


def bf16_probe(folder: Path | None = None) -> Bf16Probe:
    """The figures of this processor, read from `folder` where they are kept there, else measured and kept."""
    file, known = (None, {}) if folder is None else (folder / FILE, known_figures(folder / FILE))
    mine = processor_name()
    with suppress(TypeError, ValueError, KeyError):
        return Bf16Probe(**{name: float(value) for name, value in known[mine].items()})
    measured = _measure()
    if file is not None:
        keep_figures(file, {**known, mine: asdict(measured)})
    return measured


def known_figures(file: Path) -> dict[str, dict[str, float]]:
    """What was kept in `file`, by what it holds for; empty where there is nothing readable."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def keep_figures(file: Path, figures: dict[str, dict[str, float]]) -> None:
    """A convenience: where it cannot be written, the next start measures again."""
    part = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(figures, indent=1), encoding="utf-8")
        part.replace(file)
    except OSError:
        _log.info("the processor's figures cannot be kept in %s", file, exc_info=True)


def processor_name() -> str:
    """What the figures hold for: this processor with this torch and so many threads."""
    model = platform.processor()
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return f"{model}, torch {torch.__version__}, {torch.get_num_threads()} threads"


@torch.no_grad()
def _measure() -> Bf16Probe:
    matrix, picture, kernel = torch.rand(512, 512), torch.rand(1, 128, 32, 32), torch.rand(128, 128, 3, 3)
    products = _fastest(lambda a: a @ a, (matrix,))
    convolutions = _fastest(lambda x, k: functional.conv2d(x, k, padding=1), (picture, kernel))
    return Bf16Probe(*products, *convolutions)


def _fastest(work: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> tuple[float, float]:
    """Seconds in fp32 and in bf16, in turn; of processor time, so that other programs' turns do not count."""
    kinds = [tuple(one.to(dtype) for one in inputs) for dtype in (torch.float32, torch.bfloat16)]
    best = [float("inf"), float("inf")]
    for given in kinds:
        work(*given)  # the first call chooses a kernel
    end, runs = time.process_time() + BUDGET / 2, 0
    while runs < FEWEST or time.process_time() < end:
        runs += 1
        for index, given in enumerate(kinds):
            begun = time.process_time()
            work(*given)
            best[index] = min(best[index], time.process_time() - begun)
    return best[0], best[1]
