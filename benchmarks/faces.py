"""Times and memory of the built-in face toolbox, and how well it tells people apart.

    python benchmarks/faces.py [PICTURE] [--people FOLDER] [--rounds 15]

Milliseconds are median / fastest of the rounds on a picture whose longer side is 1024 px, nets loaded. PEOPLE holds one
folder of photos a person; of each photo the largest face counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from easyphoto.domain import Pixels
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.paths import Paths, default_root


def rss_mb() -> float:
    """Resident memory of this process."""
    import psutil

    return float(psutil.Process().memory_info().rss) / 2**20


def clocked(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Median and least milliseconds, after one round that loads and warms."""
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times)), min(times)


def at_1024(file: Path) -> Pixels:
    """RGB with the longer side brought to 1024 px."""
    picture = np.asarray(Image.open(file).convert("RGB"))
    ratio = 1024 / max(picture.shape[:2])
    return np.asarray(cv2.resize(picture, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA), np.uint8)


def stages(tools: BuiltinToolbox, picture: Pixels) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is measured."""
    (face, *_) = tools.detect(picture)
    yield "detect + mesh", lambda: tools.detect(picture)
    yield "embed", lambda: tools.embed(picture, face)
    yield "detect + mesh + embed", lambda: [tools.embed(picture, f) for f in tools.detect(picture)]
    yield "matte", lambda: tools.matte(picture)
    yield "regions", lambda: tools.regions(picture, face)
    yield "retouch", lambda: tools.retouch(picture, face, 0.5)
    yield "sharpen, same size", lambda: tools.sharpen(picture, 1.0)
    yield "sharpen, twice", lambda: tools.sharpen(picture, 2.0)


def people(tools: BuiltinToolbox, folder: Path) -> None:
    """Prints how same and different pairs of photos lie apart."""
    rows, names, missed = [], [], 0
    for file in sorted(f for f in folder.glob("*/*") if f.suffix.lower() in {".jpg", ".jpeg", ".png"}):
        picture = np.asarray(Image.open(file).convert("RGB"))
        found = tools.detect(picture)
        missed += not found
        if found:
            rows.append(tools.embed(picture, max(found, key=lambda face: face.box.area)))
            names.append(file.parent.name)
    upper = np.triu_indices(len(rows), 1)
    gaps = np.linalg.norm(np.array(rows)[:, None] - np.array(rows)[None], axis=-1)[upper]
    same = (np.array(names)[:, None] == np.array(names)[None])[upper]
    print(f"\n{len(rows)} photos, {len(set(names))} people, {missed} without a face")
    for label, values in (("same", gaps[same]), ("different", gaps[~same])):
        low, middle, high = np.percentile(values, [1, 50, 99])
        print(f"{label:>10}: {len(values):6d} pairs, L2 {low:.2f} / {middle:.2f} / {high:.2f} (1 / 50 / 99 %)")
    print(f"       AUC: {area_under_curve(gaps[same], gaps[~same]):.5f}")
    for limit in (tools.recognizer.strict, tools.recognizer.same):
        own, others = np.mean(gaps[same] <= limit), np.mean(gaps[~same] <= limit)
        print(f"  L2 {limit:.2f}: {own:.1%} of same, {others:.2%} of others")


def area_under_curve(same: np.ndarray, other: np.ndarray) -> float:
    """Share of (same, other) pairs in which the same person is nearer."""
    return float(np.searchsorted(np.sort(same), other).sum() / (len(same) * len(other)))


def main() -> None:
    """The tables."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    paths = Paths(default_root())
    asked.add_argument("picture", nargs="?", type=Path, default=paths.samples / "astronaut.png")
    asked.add_argument("--people", type=Path)
    asked.add_argument("--rounds", type=int, default=15)
    given = asked.parse_args()
    tools, before = BuiltinToolbox(paths), rss_mb()
    picture = at_1024(given.picture)
    start = time.perf_counter()
    tools.embed(picture, tools.detect(picture)[0])
    seconds = time.perf_counter() - start
    print(f"first face, nets loading: {1000 * seconds:.0f} ms, RSS {before:.0f} -> {rss_mb():.0f} MB\n")
    print("| stage | ms, median / fastest | RSS, MB |\n|---|---|---|")
    for name, work in stages(tools, picture):
        median, least = clocked(work, given.rounds)
        print(f"| {name} | {median:.0f} / {least:.0f} | {rss_mb():.0f} |")
    if given.people:
        people(tools, given.people)


if __name__ == "__main__":
    main()
