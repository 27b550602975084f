"""Any trainer, run with a line of JSON for every optimizer step: seconds by the clock and of the processor, memory.

    python benchmarks/step_marks.py MARKS script FILE [ARGUMENTS]
    python benchmarks/step_marks.py MARKS module NAME [ARGUMENTS]

Nothing of the trainer is changed and nothing imported before it: torch's optimizer module is met when the trainer
imports it. `--channels A,B,C,D` as the first argument sets the widths that sd-scripts has as constants.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
import time
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

OPTIMIZERS = "torch.optim.optimizer"
CHANNELS = "--channels"


class OptimizerWatch(MetaPathFinder):
    """Registers `mark` with torch's optimizers as soon as they are imported."""

    def __init__(self, marks: Path) -> None:
        self._marks = marks

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != OPTIMIZERS:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path)
        assert spec is not None and spec.loader is not None
        run = spec.loader.exec_module

        def run_and_register(module: ModuleType) -> None:
            run(module)
            module.register_optimizer_step_post_hook(self.mark)

        spec.loader.exec_module = run_and_register  # type: ignore[method-assign]
        return spec

    def mark(self, *told: Any) -> None:
        """One step is done."""
        usage = {"clock": time.perf_counter(), "cpu": time.process_time(), "anonymous_mb": anonymous_mb()}
        with self._marks.open("a", encoding="utf-8") as file:
            file.write(json.dumps(usage) + "\n")


def anonymous_mb() -> float:
    """Memory of this process that no file stands for."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def set_channels(numbers: str) -> None:
    """The widths of sd-scripts' own U-Net, which it knows of SD 1.5 only."""
    original: Any = importlib.import_module("library.original_unet")
    channels = tuple(map(int, numbers.split(",")))
    original.BLOCK_OUT_CHANNELS, original.TIMESTEP_INPUT_DIM = channels, channels[0]
    original.TIME_EMBED_DIM = 4 * channels[0]


def main() -> None:
    marks, kind, name, *rest = sys.argv[1:]
    here = os.path.realpath(Path(__file__).parent)
    sys.path[:] = [one for one in sys.path if os.path.realpath(one) != here]
    sys.meta_path.insert(0, OptimizerWatch(Path(marks)))
    if kind == "script":
        sys.path.insert(0, str(Path(name).resolve().parent))
    if rest[:1] == [CHANNELS]:
        set_channels(rest[1])
        rest = rest[2:]
    sys.argv = [name, *rest]
    if kind == "script":
        runpy.run_path(name, run_name="__main__")
    else:
        runpy.run_module(name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
