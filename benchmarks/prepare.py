"""Seconds and memory of preparing photos for a training.

    python benchmarks/prepare.py [--photos FOLDER] [--count 20]

Without FOLDER, `count` photos of 12 megapixels are made from the sample picture: 4000 x 3000 JPEGs of quality 92 with
other crops, light and tilt, half of them stored lying on their side with an EXIF orientation, as telephones do.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image, ImageEnhance

from easyphoto.domain import Photo, TrainRequest
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.paths import Paths, default_root
from easyphoto.progress import Step
from easyphoto.training.prepare import check, prepare


def make_photos(folder: Path, count: int, sample: Path) -> list[Photo]:
    """`count` JPEGs of 4000 x 3000 pixels."""
    whole = Image.open(sample).convert("RGB")
    rng = np.random.default_rng(0)
    return [_one(folder / f"{number:02d}.jpg", whole, rng, lying=number % 2 == 1) for number in range(count)]


def _one(file: Path, whole: Image.Image, rng: np.random.Generator, lying: bool) -> Photo:
    width, height = whole.size
    left, top = rng.uniform(0, 0.12, 2) * (width, height)
    turned = whole.rotate(float(rng.uniform(-12, 12)), Image.Resampling.BICUBIC, fillcolor=(60, 60, 70))
    part = turned.crop((int(left), int(top), int(left + 0.8 * width), int(top + 0.6 * height)))
    photo = ImageEnhance.Brightness(part).enhance(float(rng.uniform(0.8, 1.2)))
    photo = photo.resize((4000, 3000), Image.Resampling.BICUBIC)
    noisy = np.asarray(photo, np.int16) + rng.integers(-4, 5, (3000, 4000, 1), dtype=np.int16)
    photo = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    exif = Image.Exif()
    if lying:
        photo = photo.transpose(Image.Transpose.ROTATE_90)
        exif[0x0112] = 6
    photo.save(file, quality=92, exif=exif)
    return Photo(file, file.name)


class Watch(threading.Thread):
    """The highest resident memory while the block runs, MB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak, self._done = 0.0, threading.Event()

    def run(self) -> None:
        while not self._done.wait(0.02):
            self.peak = max(self.peak, psutil.Process().memory_info().rss / 2**20)

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()


def measure(photos: list[Photo], out: Path) -> None:
    """Check, then prepare, each timed with its memory."""
    faces = BuiltinToolbox(Paths(default_root()))
    memory: list[float] = []

    def note(step: Step) -> None:
        memory.append(psutil.Process().memory_info().rss / 2**20)

    for name, work in (
        ("check", lambda: check(photos, faces, note)),
        ("prepare", lambda: prepare(photos, TrainRequest(), faces, out, note)),
    ):
        memory.clear()
        with Watch() as watch:
            start, busy = time.perf_counter(), time.process_time()
            made = work()
            seconds, busy = time.perf_counter() - start, time.process_time() - busy
        reports = made if isinstance(made, tuple) else made.reports
        used = sum(report.trained for report in reports)
        print(
            f"{name:8} {len(photos)} photos {seconds:6.2f} s ({busy:.1f} s of processor)  peak {watch.peak:5.0f} MB  "
            f"after photo 3 {memory[min(3, len(memory) - 1)]:5.0f}, after the last {memory[-1]:5.0f}    {used} trained"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.photos:
            photos = [Photo(file, file.name) for file in sorted(asked.photos.iterdir()) if file.is_file()]
        else:
            photos = make_photos(folder, asked.count, Paths(default_root()).samples / "astronaut.png")
        measure(photos, folder / "set")


if __name__ == "__main__":
    main()
