"""EasyPhoto's trainer beside kohya's sd-scripts and diffusers' example, on one base of SD 1.5's structure.

    python benchmarks/trainer.py --kohya SD_SCRIPTS --kohya-python PYTHON --diffusers train_dreambooth_lora.py \
        --diffusers-python PYTHON [--settings equal defaults] [--turns 3] [--steps 10] [--width 160]

Runs take turns; medians of the turns. *equal*: one precision, latents cached where that can be asked for, torch's
attention, no augmentation. *defaults*: only pictures, steps, batch, rank and size are said. Whole run: start, latents,
steps and saving, from outside. A step: the median of all but the first two, as torch's optimizer sees them. Peak:
resident memory, pages of mapped files among them; anonymous: without those, after a step. Ratios are EasyPhoto's
advantage: the other's seconds by ours, our memory by the other's.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, fields
from pathlib import Path

from trainer_commands import Command, OtherTrainers, Training, commands, make_world

ROOT = Path(__file__).resolve().parents[1]
LAUNCHER = Path(__file__).with_name("step_marks.py")
OFFLINE = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "DO_NOT_TRACK": "1", "PYTHONPATH": str(ROOT)}
WARM = 2  # first steps that do not count


@dataclass(frozen=True)
class Figures:
    """Of one run; seconds and MB."""

    run_s: float
    run_cpu_s: float
    step_s: float
    step_cpu_s: float
    peak_mb: float
    anonymous_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kohya", type=Path)
    parser.add_argument("--kohya-python", default=sys.executable)
    parser.add_argument("--diffusers", type=Path)
    parser.add_argument("--diffusers-python", default=sys.executable)
    parser.add_argument("--settings", nargs="+", choices=("equal", "defaults"), default=["equal", "defaults"])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--width", type=int, default=160, help="channels of the first level; 320 is SD 1.5")
    parser.add_argument("--precision", choices=("no", "bf16"), default="no", help="of equal settings")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(asked, Path(folder))


def compare(asked: argparse.Namespace, folder: Path) -> None:
    """All turns, a line each on standard error, and the table."""
    sizes = (asked.width, asked.steps, asked.batch, asked.resolution, asked.rank)
    training = Training(folder, *sizes, asked.precision)
    make_world(training)
    others = OtherTrainers(asked.kohya, asked.kohya_python, asked.diffusers, asked.diffusers_python)
    found: dict[tuple[str, str], list[Figures]] = {}
    for turn in range(asked.turns):
        for setting in asked.settings:
            for name, maker in commands(others, sys.executable).items():
                out = folder / "out" / f"{turn}-{setting}-{name.partition(' ')[0]}"
                figures = measured(maker(training, out, setting == "equal"), folder / "log.txt")
                found.setdefault((setting, name), []).append(figures)
                print(turn, setting, name, figures, file=sys.stderr, flush=True)
    print(table({key: median(runs) for key, runs in found.items()}))


def measured(command: Command, log: Path) -> Figures:
    """Run it. Raises SystemExit with the end of its log when it fails."""
    python, arguments = command
    marks = log.with_name("marks.jsonl")
    marks.unlink(missing_ok=True)
    begun = time.perf_counter()
    with log.open("w", encoding="utf-8") as told:
        process = subprocess.Popen(
            [python, str(LAUNCHER), str(marks), *arguments],
            cwd=log.parent,
            env={**os.environ, **OFFLINE},
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=told,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(log.read_text(encoding="utf-8")[-4000:])
    seen = [json.loads(line) for line in marks.read_text(encoding="utf-8").splitlines()]
    steps = list(zip(seen[WARM - 1 :], seen[WARM:], strict=False))
    return Figures(
        run_s=time.perf_counter() - begun,
        run_cpu_s=used.ru_utime + used.ru_stime,
        step_s=statistics.median(after["clock"] - before["clock"] for before, after in steps),
        step_cpu_s=statistics.median(after["cpu"] - before["cpu"] for before, after in steps),
        peak_mb=used.ru_maxrss / 1024,
        anonymous_mb=max(one["anonymous_mb"] for one in seen),
    )


def median(runs: list[Figures]) -> Figures:
    """Of each figure by itself."""
    return Figures(*(statistics.median(getattr(run, field.name) for run in runs) for field in fields(Figures)))


def table(found: dict[tuple[str, str], Figures]) -> str:
    """Markdown: figures, then the ratios to EasyPhoto's."""
    lines = [
        "| settings | trainer | run s | CPU s | step s | step CPU s | peak MB | anonymous MB | run | step | peak |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (setting, name), one in found.items():
        mine = found[setting, "EasyPhoto"]
        plain = f"{one.run_s:.1f} | {one.run_cpu_s:.1f} | {one.step_s:.2f} | {one.step_cpu_s:.2f}"
        memory = f"{one.peak_mb:.0f} | {one.anonymous_mb:.0f}"
        speed = f"{one.run_cpu_s / mine.run_cpu_s:.2f} | {one.step_cpu_s / mine.step_cpu_s:.2f}"
        lines.append(f"| {setting} | {name} | {plain} | {memory} | {speed} | {mine.peak_mb / one.peak_mb:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
