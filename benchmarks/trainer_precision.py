"""Milliseconds a training step of the built-in base model, by precision; start-up seconds; peak memory.

python benchmarks/trainer_precision.py [--steps 10] [--resolution 256] [--batch 4]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from kohya_train.contract import Stepped, TrainConfig, ValidationPlan, ValidationSaved, ValidationTemplate, decode  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--batch", type=int, default=4)
    asked = parser.parse_args()
    for precision, text_rate in (("fp32", 1e-4), ("bf16", 1e-4), ("fp32", 0.0)):
        with tempfile.TemporaryDirectory() as folder:
            config = order(Path(folder), asked, precision, text_rate)
            print(json.dumps({"precision": precision, "text_encoder": text_rate > 0, **measure(config)}), flush=True)


def order(folder: Path, asked: argparse.Namespace, precision: str, text_rate: float) -> TrainConfig:
    (folder / "train").mkdir()
    photo = Image.open(ROOT / "models" / "samples" / "astronaut.png").convert("RGB")
    for number in range(8):
        photo.resize((asked.resolution, asked.resolution)).rotate(number).save(folder / "train" / f"{number}.png")
        (folder / "train" / f"{number}.txt").write_text("easyphoto_face, easyphoto, 1person", encoding="utf-8")
    photo.save(folder / "template.png")
    Image.new("L", photo.size, 255).save(folder / "mask.png")
    template = ValidationTemplate(str(folder / "template.png"), str(folder / "mask.png"))
    return TrainConfig(
        family="built-in",
        base_model=str(ROOT / "models" / "builtin" / "base"),
        data_folder=str(folder),
        output_folder=str(folder / "out"),
        steps=asked.steps,
        save_steps=asked.steps,
        resolution=asked.resolution,
        batch_size=asked.batch,
        accumulation=1,
        rank=16,
        alpha=16,
        learning_rate=3e-4,
        text_encoder_lr=text_rate,
        precision=precision,
        validation_images=ValidationPlan((template,) * 2, "a face", "", 0.5, 10, 1.0),
    )


def measure(config: TrainConfig) -> dict[str, float]:
    """Medians, so that the first, slower step does not count; times of the trainer's process from outside."""
    file = Path(config.data_folder) / "run.json"
    config.write(file)
    begun = time.perf_counter()
    heard: list[tuple[float, object]] = []
    with subprocess.Popen(
        [sys.executable, "-m", "kohya_train", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        encoding="ascii",
    ) as process:
        assert process.stdout is not None
        heard = [(time.perf_counter() - begun, decode(line)) for line in process.stdout]
    steps = [event.seconds for _, event in heard if isinstance(event, Stepped)]
    validation_images = [at for at, event in heard if isinstance(event, ValidationSaved)]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "step_ms_median": round(1000 * statistics.median(steps)),
        "step_ms_best": round(1000 * min(steps)),
        "start_s": round(next(at for at, event in heard if isinstance(event, Stepped)) - steps[0], 1),
        "trial_s": round(validation_images[1] - validation_images[0], 2),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "peak_rss_mb": round(used.ru_maxrss / 1024),
    }


if __name__ == "__main__":
    main()
