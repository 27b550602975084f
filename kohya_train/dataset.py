"""Pictures and captions of a prepared folder -> cached latents, crops drawn once, both flips.

The autoencoder runs once a view; afterwards a training batch is a few additions, so no worker processes
are needed and memory stays small (a 512 px view of SD 1.5 is 130 kB).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from kohya_train.contract import TrainerError
from kohya_train.models import Bundle

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
CROPS = 4
"""Crops drawn for a picture that is not square; a square one has one."""


class BadData(TrainerError):
    """The prepared folder is empty, or a picture or caption of it cannot be used."""


@dataclass(frozen=True)
class Example:
    """A training picture and its caption."""

    file: Path
    caption: str


@dataclass(frozen=True, eq=False)
class LatentView:
    """One crop and flip of an example as the autoencoder sees it."""

    mean: torch.Tensor  # (c, h, w), already scaled
    deviation: torch.Tensor | None  # of the same shape; None for an autoencoder without noise
    caption: str
    time_ids: tuple[float, ...]  # SDXL: original height, width, crop top, left, target height, width

    def latent(self, generator: torch.Generator) -> torch.Tensor:
        """A draw from the autoencoder's distribution, (c, h, w) fp32."""
        if self.deviation is None:
            return self.mean
        return self.mean + self.deviation * torch.randn(self.mean.shape, generator=generator)


@dataclass(frozen=True)
class LatentBatch:
    """What one forward pass takes."""

    latents: torch.Tensor  # (n, c, h, w) fp32 on the CPU
    captions: tuple[str, ...]
    time_ids: torch.Tensor  # (n, 6)


def find_examples(folder: Path) -> tuple[Example, ...]:
    """Pictures of `folder`/train in numeric, then name order. Captions: same-named .txt, else metadata.jsonl.

    Raises BadData.
    """
    pictures = sorted(
        (file for file in (folder / "train").glob("*") if file.suffix.lower() in SUFFIXES),
        key=lambda file: (0, int(file.stem), "") if file.stem.isdecimal() else (1, 0, file.name),
    )
    if not pictures:
        raise BadData("no-pictures", folder=str(folder / "train"))
    listed = _listed(folder / "metadata.jsonl")
    return tuple(Example(file, _caption(file, listed)) for file in pictures)


def _listed(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    try:
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        return {Path(str(row["file_name"])).name: str(row["text"]) for row in rows}
    except (ValueError, KeyError, TypeError) as problem:
        raise BadData("damaged-metadata", file=str(file), why=str(problem)) from problem


def _caption(file: Path, listed: dict[str, str]) -> str:
    beside = file.with_suffix(".txt")
    text = beside.read_text(encoding="utf-8") if beside.is_file() else listed.get(file.name, "")
    if not text.strip():
        raise BadData("no-caption", file=file.name)
    return " ".join(text.split())


def cache(
    bundle: Bundle, examples: tuple[Example, ...], resolution: int, seed: int
) -> tuple[tuple[LatentView, ...], ...]:
    """Every example's views; crops are drawn from `seed`. Raises BadData."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(tuple(_views(bundle, example, resolution, generator)) for example in examples)


def _views(bundle: Bundle, example: Example, resolution: int, generator: torch.Generator) -> Iterator[LatentView]:
    picture, original = _open(example.file, resolution)
    width, height = picture.size
    for left, top in _corners(width - resolution, height - resolution, generator):
        square = picture.crop((left, top, left + resolution, top + resolution))
        ids = tuple(float(n) for n in (original[1], original[0], top, left, resolution, resolution))
        for flip in (False, True):
            mean, deviation = encode(bundle, _pixels(square, flip))
            yield LatentView(mean, deviation, example.caption, ids)


def _open(file: Path, resolution: int) -> tuple[Image.Image, tuple[int, int]]:
    """RGB with its short side at `resolution`, and the size before."""
    try:
        with Image.open(file) as opened:
            picture = opened.convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as problem:
        raise BadData("unreadable-picture", file=file.name, why=str(problem)) from problem
    ratio = resolution / min(picture.size)
    size = (max(resolution, round(picture.width * ratio)), max(resolution, round(picture.height * ratio)))
    # Pillow's bilinear is antialiased when it shrinks.
    return picture.resize(size, Image.Resampling.BILINEAR), picture.size


def _corners(slack_x: int, slack_y: int, generator: torch.Generator) -> list[tuple[int, int]]:
    if slack_x == slack_y == 0:
        return [(0, 0)]
    drawn = torch.rand((CROPS, 2), generator=generator).tolist()
    return [(round(x * slack_x), round(y * slack_y)) for x, y in drawn]


def _pixels(picture: Image.Image, flip: bool) -> torch.Tensor:
    array = np.asarray(picture, dtype=np.float32) / 127.5 - 1
    if flip:
        array = array[:, ::-1]
    return torch.from_numpy(np.ascontiguousarray(array)).permute(2, 0, 1)[None]


@torch.no_grad()
def encode(bundle: Bundle, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Scaled mean and deviation (c, h, w) fp32 on the CPU of one picture (1, 3, H, W) in -1..1."""
    vae = bundle.vae
    first = next(vae.parameters())
    spread = vae.encode(pixels.to(first.device, first.dtype)).latent_dist
    scale, shift = vae.config.scaling_factor, vae.config.get("shift_factor") or 0.0
    mean = (spread.mode() - shift)[0].float().cpu() * scale
    deviation = getattr(spread, "std", None)
    return mean, None if deviation is None else deviation[0].float().cpu() * scale


def draw(views: tuple[tuple[LatentView, ...], ...], indices: list[int], generator: torch.Generator) -> LatentBatch:
    """One view of each named example, crop, flip and latent drawn from `generator`."""
    chosen = [views[i][int(torch.randint(len(views[i]), (1,), generator=generator))] for i in indices]
    return LatentBatch(
        torch.stack([view.latent(generator) for view in chosen]),
        tuple(view.caption for view in chosen),
        torch.tensor([view.time_ids for view in chosen]),
    )
