"""What a portrait costs without diffusion, and how the cost grows with the picture.

    python benchmarks/sizes.py [PHOTO] [TEMPLATE] [--sides 1024 2048 6000] [--profile]

One photo of a person, one template with one face, brought to each longer side in turn. The template's skin brought to
the person's tone, fusion twice, masks, color, retouching and detail at full strength; both diffusion passes have
strength 0, so that no engine paints. Seconds are processor time of one thread. "a pixel" is the growth of the cost
divided by that of the pixels: 1 is linear; a face twice as large may cost 5 times as much (1.25 a pixel), else the
command fails.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

from easyphoto.domain import Checkpoint, ModelFamily, Person, PortraitRequest, Template
from easyphoto.faces.base import FusionSource
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.skin_locus import usual_tone
from easyphoto.images import open_picture, picture
from easyphoto.paths import Paths, default_root
from easyphoto.portrait.generate import Tools, generate
from easyphoto.portrait.subject import Subject, balanced
from easyphoto.progress import silent
from easyphoto.weights import WeightStore


class NoEngine:
    """Knows the built-in checkpoint and paints nothing."""

    def checkpoint(self, name: str) -> Checkpoint:
        return Checkpoint(name, ModelFamily.BUILTIN)

    def render(self, *_: Any) -> Any:
        raise AssertionError("strength 0 must not paint")

    @contextmanager
    def session(self) -> Iterator[None]:
        yield


def subject_of(photo: Path, faces: BuiltinToolbox) -> Subject:
    """A person of one photo."""
    pixels = np.asarray(open_picture(photo, long_side=1024))
    face = max(faces.detect(pixels), key=lambda one: one.box.area)
    source = FusionSource(pixels, replace(face, embedding=faces.embed(pixels, face)))
    person = Person("someone", "Someone", photo.parent, None, photo, None, (photo,))
    sources, tones = balanced((source,), faces)
    return Subject(person, tuple(sources), sources[0], usual_tone(tones))


def sized(template: Path, side: int, folder: Path) -> Template:
    """The template with its longer side brought to `side`."""
    pixels = np.asarray(open_picture(template))
    ratio = side / max(pixels.shape[:2])
    kind = cv2.INTER_CUBIC if ratio > 1 else cv2.INTER_AREA
    file = folder / f"{side}.png"
    picture(np.asarray(cv2.resize(pixels, None, fx=ratio, fy=ratio, interpolation=kind), np.uint8)).save(
        file, compress_level=1
    )
    return Template(file, file.name)


def processor_seconds() -> float:
    """User and system time of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> int:
    paths = Paths(default_root())
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("photo", nargs="?", type=Path, default=paths.samples / "astronaut.png")
    asked.add_argument("template", nargs="?", type=Path)
    asked.add_argument("--sides", nargs="*", type=int, default=[1024, 2048, 4096, 6000])
    asked.add_argument("--profile", action="store_true", help="the costliest functions of the last size")
    asked.add_argument("--limit", type=float, default=1.25, help="growth a pixel above which it fails")
    given = asked.parse_args()
    template = given.template or min((paths.models / "templates").glob("*.jpg"))
    cv2.setNumThreads(1)
    faces = BuiltinToolbox(paths)
    subject = subject_of(given.photo, faces)
    request = PortraitRequest.for_family(
        ModelFamily.BUILTIN,
        persons=("someone",),
        seed=1,
        first_denoising_strength=0.0,
        second_denoising_strength=0.0,
        color_first=True,
        color_last=True,
        retouch=True,
        enhance_photos=False,  # done once a photo, not a portrait; see enhancement.py
        enhance_detail_ratio=1.0,
    )
    before: tuple[float, int] | None = None
    worst = 0.0
    print("| longer side | face, px | seconds | wall | a pixel | peak, MB |\n|---|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        for side in given.sides:
            sample = sized(template, side, Path(folder))
            start, wall, profile = processor_seconds(), time.perf_counter(), cProfile.Profile()
            if given.profile and side == given.sides[-1]:
                profile.enable()
            tools = Tools(NoEngine(), faces, lambda: WeightStore.of(paths))
            made = generate(request, sample, {"someone": subject}, tools, silent)
            profile.disable()
            used, wall, count = (
                processor_seconds() - start,
                time.perf_counter() - wall,
                made.picture.width * made.picture.height,
            )
            growth = used / before[0] / (count / before[1]) if before else 0.0
            worst = max(worst, growth)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            width = made.scores[0].box.width
            print(f"| {side} | {width:.0f} | {used:.1f} | {wall:.1f} | {growth:.2f} | {peak:.0f} |", flush=True)

            before = (used, count)
        if given.profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(30)
    return int(worst > given.limit)


if __name__ == "__main__":
    raise SystemExit(main())
