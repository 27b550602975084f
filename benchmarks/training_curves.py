"""Loss and likeness along a training with the default preset, step 0 included, for several persons.

    python benchmarks/training_curves.py PEOPLE [--names person01 person04 person06] [--photos 6] [--base experimental]

A folder of photos a person lies in PEOPLE. Distances are the toolbox's L2 of the validation images to the training
photos, lower is nearer, with the standard deviation over the templates; losses are means of a quarter of the steps.
Nothing stays on disk.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from easyphoto.domain import Photo, TrainRequest  # noqa: E402
from easyphoto.progress import Step  # noqa: E402
from easyphoto.studio import Studio  # noqa: E402
from easyphoto.training.train import TrainingResult  # noqa: E402

Seen = dict[int, list[float]]  # step -> distance of each validation image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("--names", nargs="+", default=["person01", "person04", "person06"])
    parser.add_argument("--photos", type=int, default=6)
    parser.add_argument("--base", default="experimental")
    parser.add_argument("--steps", type=int, default=0, help="in place of the preset's")
    asked = parser.parse_args()
    print(
        "| person | loss, quarter by quarter | distance at step | nearer than step 0 | told | minutes |\n|" + "---|" * 6
    )
    for name in asked.names:
        files = sorted((asked.people / name).iterdir())[: asked.photos]
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            result, seen = trained(Path(folder), name, files, asked)
        print(row(name, result, seen, (time.perf_counter() - begun) / 60), flush=True)


def trained(folder: Path, name: str, files: list[Path], asked: argparse.Namespace) -> tuple[TrainingResult, Seen]:
    """The training and its validation images' distances."""
    studio, seen = Studio.local(folder), defaultdict(list)
    family = studio.engine.checkpoint(asked.base).family
    wanted = {"max_steps": asked.steps, "save_steps": max(1, asked.steps // 2)} if asked.steps else {}
    more = {"person": name, "consent": True, "base_model": asked.base, "train_lora": True}
    request = TrainRequest.for_family(family, **more, **wanted)

    def note(step: Step) -> None:
        if (distance := step.figures.get("distance")) is not None:
            seen[step.done].append(float(distance))

    return studio.train(request, [Photo(file, file.name) for file in files], note), dict(seen)


def row(name: str, result: TrainingResult, seen: Seen, minutes: float) -> str:
    """A line of the table."""
    losses = [float(np.mean(part)) for part in np.array_split([loss for _, loss in result.losses], 4)]
    along = ", ".join(f"{step}: {np.mean(seen[step]):.3f} ± {np.std(seen[step]):.3f}" for step in sorted(seen))
    gain = np.mean(seen.get(0, [np.nan])) - np.mean(seen[max(seen)]) if seen else np.nan
    told = ", ".join(one.code for one in result.warnings) or "-"
    return (
        f"| {name} | {', '.join(f'{loss:.4f}' for loss in losses)} | {along} | {gain:+.3f} | {told} | {minutes:.1f} |"
    )


if __name__ == "__main__":
    main()
