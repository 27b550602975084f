"""Pictures as the autoencoder sees them: encoded in batches, mirrored when first drawn so, kept on disk.

The order in which views are first drawn changes no number: what is encoded together is fixed beforehand. Files are
named by the content of picture, autoencoder and crop, so that a resumed or repeated training encodes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from kohya_train.contract import TrainConfig
from kohya_train.crops import Box, Crop, crops
from kohya_train.examples import Example, drawn_caption, open_picture
from kohya_train.export import write_tensors
from kohya_train.models import Bundle

BATCH_PIXELS = 4 * 256 * 256
"""As many pixels are encoded at once: an autoencoder of SD takes 2 GB for a picture of 512 in fp32."""
SAMPLED = 64
"""Numbers of each weight that go into the autoencoder's name."""


@dataclass(frozen=True, eq=False)
class CroppedView:
    """One crop of an example, straight or mirrored."""

    example: Example
    crop: Crop
    flipped: bool


@dataclass(frozen=True, eq=False)
class Latent:
    """A view as the autoencoder sees it."""

    mean: Tensor  # (c, h, w), already scaled
    deviation: Tensor | None  # of the same shape; None for an autoencoder without noise

    def drawn(self, generator: torch.Generator) -> Tensor:
        """From the autoencoder's distribution, (c, h, w) fp32."""
        if self.deviation is None:
            return self.mean
        return self.mean + self.deviation * torch.randn(self.mean.shape, generator=generator)


@dataclass(frozen=True)
class LatentBatch:
    """What one forward pass takes; all latents of one shape."""

    latents: Tensor  # (n, c, h, w) fp32 on the CPU
    captions: tuple[str, ...]
    time_ids: Tensor  # (n, 6)
    weights: Tensor  # (n,) of the losses
    masks: Tensor | None = None  # (n, 1, h, w) weights of places; None: all count alike


class LatentStore:
    """The latents of all examples. Raises BadData when one cannot be read."""

    def __init__(self, bundle: Bundle, examples: Sequence[Example], config: TrainConfig) -> None:
        self._bundle, self._config = bundle, config
        self._folder = config.cache / "latents"
        self._autoencoder = _name_of(bundle.vae)
        self._latents: dict[int, Latent] = {}
        self._masks: dict[int, Tensor] = {}
        self._contents: dict[Path, str] = {}
        generator = torch.Generator().manual_seed(config.seed)
        self.views: list[CroppedView] = []
        self.of_example: list[list[int]] = []
        straight: list[int] = []
        seen: dict[Example, list[int]] = {}  # a folder's repeats share their views
        for example in examples:
            if example in seen:
                self.of_example.append(seen[example])
                continue
            mine = seen[example] = []
            for crop in crops(size_of(example.file), config, _kept(example), generator):
                for flipped in (False, True) if config.flip_aug else (False,):
                    straight += [] if flipped else [len(self.views)]
                    mine.append(len(self.views))
                    self.views.append(CroppedView(example, crop, flipped))
            self.of_example.append(mine)
        self._together = self._plan(straight) | self._plan([i for i in range(len(self.views)) if i not in {*straight}])
        for index in straight:
            self._encode(index)

    def _plan(self, indices: list[int]) -> dict[int, list[int]]:
        """CroppedView -> all that are encoded with it: neighbours of its size, as many as BATCH_PIXELS allow."""
        by_size: dict[tuple[int, int], list[int]] = {}
        for index in indices:
            by_size.setdefault(self.views[index].crop.size, []).append(index)
        plan: dict[int, list[int]] = {}
        for (width, height), same in by_size.items():
            count = max(1, BATCH_PIXELS // (width * height))
            for first in range(0, len(same), count):
                plan |= dict.fromkeys(same[first : first + count], same[first : first + count])
        return plan

    def latent(self, index: int) -> Latent:
        """Of the view of that number; it is encoded when it is asked for first."""
        if index not in self._latents:
            self._encode(index)
        return self._latents[index]

    def _encode(self, index: int) -> None:
        group = self._together[index]
        if index in self._latents or self._read(group):
            return
        pixels = torch.cat([pixels_of(self.views[i]) for i in group])
        mean, deviation = encode(self._bundle, pixels)
        for row, i in enumerate(group):
            spread = None if deviation is None else deviation[row].clone(memory_format=torch.contiguous_format)
            self._latents[i] = Latent(mean[row].clone(memory_format=torch.contiguous_format), spread)
            self._write(i)

    def _file(self, index: int) -> Path:
        view = self.views[index]
        picture = view.example.file
        if picture not in self._contents:
            self._contents[picture] = hashlib.sha256(picture.read_bytes()).hexdigest()
        together = len(self._together[index])  # a batch may round otherwise than one alone
        named = (self._contents[picture], self._autoencoder, view.crop, view.flipped, together)
        return self._folder / f"{hashlib.sha256(repr(named).encode()).hexdigest()}.safetensors"

    def _read(self, group: list[int]) -> bool:
        """Whether all of them were on disk; a damaged file is encoded anew."""
        found = {}
        with suppress(OSError, SafetensorError, KeyError):
            for i in group:
                tensors = load_file(self._file(i))
                found[i] = Latent(tensors["mean"], tensors.get("deviation"))
        if len(found) == len(group):
            self._latents |= found
        return len(found) == len(group)

    def _write(self, index: int) -> None:
        if torch.distributed.is_available() and torch.distributed.is_initialized() and torch.distributed.get_rank():
            return  # the first process does
        latent = self._latents[index]
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        spread = {} if latent.deviation is None else {"deviation": latent.deviation}
        write_tensors(self._file(index), {"mean": latent.mean, **spread}, {})

    def draw(self, indices: Sequence[int], generator: torch.Generator) -> list[LatentBatch]:
        """One view of each named example: crop, flip, latent and caption drawn from `generator`; a batch a shape."""
        chosen = []
        for i in indices:
            mine = self.of_example[i]
            chosen.append(mine[int(torch.randint(len(mine), (1,), generator=generator))])
        drawn = [self.latent(i).drawn(generator) for i in chosen]
        captions = [drawn_caption(self.views[i].example.caption, self._config, generator) for i in chosen]
        shapes = sorted({tuple(one.shape) for one in drawn})
        rows = [[row for row, one in enumerate(drawn) if tuple(one.shape) == shape] for shape in shapes]
        return [
            self._batch([chosen[r] for r in same], [drawn[r] for r in same], [captions[r] for r in same])
            for same in rows
        ]

    def _batch(self, views: list[int], drawn: list[Tensor], captions: list[str]) -> LatentBatch:
        masks = torch.stack([self._mask(i) for i in views]) if self._config.masked_loss else None
        return LatentBatch(
            torch.stack(drawn),
            tuple(captions),
            torch.tensor([self.views[i].crop.time_ids for i in views]),
            torch.tensor([self.views[i].example.weight for i in views]),
            masks,
        )

    def _mask(self, index: int) -> Tensor:
        """(1, h, w) weights of the view's places in its latent: `unmasked_weight` outside its mask, 1 inside."""
        if index not in self._masks:
            view, (height, width) = self.views[index], self.latent(index).mean.shape[-2:]
            file = view.example.mask
            if file is None:
                return torch.ones(1, height, width)
            inside = torch.nn.functional.interpolate(
                _cut(open_picture(file, "L"), view), size=(height, width), mode="area"
            )
            low = self._config.unmasked_weight
            self._masks[index] = low + (1 - low) * (inside[0] + 1) / 2
        return self._masks[index]


def size_of(file: Path) -> tuple[int, int]:
    """Width and height of a picture. Raises BadData."""
    return open_picture(file).size


def _kept(example: Example) -> Box | None:
    """The box of the mask, in shares of the picture."""
    if example.mask is None:
        return None
    mask = open_picture(example.mask, "L").point(lambda value: 255 if value > 127 else 0)
    box = mask.getbbox()
    return None if box is None else tuple(n / mask.size[axis % 2] for axis, n in enumerate(box))  # type: ignore[return-value]


def pixels_of(view: CroppedView) -> Tensor:
    """(1, 3, h, w) in -1..1. Raises BadData."""
    return _cut(open_picture(view.example.file), view)


def _cut(picture: Image.Image, view: CroppedView) -> Tensor:
    """(1, c, h, w) in -1..1 of the view's part."""
    crop = view.crop
    # Pillow's bilinear is antialiased when it shrinks.
    resized = picture.resize(crop.resized, Image.Resampling.BILINEAR)
    part = resized.crop((crop.left, crop.top, crop.left + crop.size[0], crop.top + crop.size[1]))
    array = np.asarray(part, dtype=np.float32) / 127.5 - 1
    array = array[:, ::-1] if view.flipped else array
    array = array[..., None] if array.ndim == 2 else array
    return torch.from_numpy(np.ascontiguousarray(array)).permute(2, 0, 1)[None]


@torch.no_grad()
def encode(bundle: Bundle, pixels: Tensor) -> tuple[Tensor, Tensor | None]:
    """Scaled mean and deviation (n, c, h, w) fp32 on the CPU of pictures (n, 3, H, W) in -1..1."""
    vae = bundle.vae
    first = next(vae.parameters())
    spread = vae.encode(pixels.to(first.device, first.dtype)).latent_dist
    scale, shift = vae.config.scaling_factor, vae.config.get("shift_factor") or 0.0
    mean = (spread.mode() - shift).float().cpu() * scale
    deviation = getattr(spread, "std", None)
    return mean, None if deviation is None else deviation.float().cpu() * scale


def _name_of(vae: torch.nn.Module) -> str:
    """A hash of numbers spread over every weight."""
    digest = hashlib.sha256()
    for name, weight in vae.named_parameters():
        flat = weight.detach().flatten()
        some = flat[:: max(1, flat.numel() // SAMPLED)].float().cpu().contiguous()
        digest.update(f"{name} {tuple(weight.shape)}".encode() + some.numpy().tobytes())
    return digest.hexdigest()
