"""Training batches: views encoded once and used a few times, drawn so that skin tones and sharp pictures balance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from builtin_model.inpaint.cache import FaceCache, FaceRecord
from builtin_model.inpaint.views import Variation, View, draw_view

Encode = Callable[[Tensor], Tensor]
"""Pictures (n, 3, 256, 256) in -1..1 -> latents (n, 12, 32, 32)."""

TONES = (-20.0, 10.0, 28.0, 41.0, 55.0)
"""Limits of the six groups of skin tone, in degrees of the individual typology angle, from dark to very light."""

_ENLARGED = 1.3
_MOST = 4.0  # how much oftener than its share a rare tone is drawn


@dataclass(frozen=True, eq=False)
class Batch:
    """Latents and conditions of n views, without noise; float32."""

    latents: Tensor  # (n, 12, h, w)
    known: Tensor  # (n, 12, h, w)
    reference: Tensor  # (n, 12, h, w); zeros = none
    mask: Tensor  # (n, 1, h, w)
    geometry: Tensor  # (n, 6, h, w); zeros = none
    color: Tensor  # (n, 3, h, w); zeros = none
    captions: Tensor  # (n,) indices of CAPTIONS

    def conditions(self) -> Tensor:
        """(n, 34, h, w) in the order of network.CHANNELS, behind the noisy latents."""
        return torch.cat([self.known, self.mask, self.geometry, self.color, self.reference], 1)

    def part(self, rows: slice) -> Batch:
        """Some of the views."""
        return Batch(*(getattr(self, field.name)[rows] for field in fields(self)))

    def rows(self, indices: Tensor) -> Batch:
        """The views at those (k,) indices."""
        return Batch(*(getattr(self, field.name)[indices] for field in fields(self)))

    def to(self, device: torch.device) -> Batch:
        """On that device."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


@dataclass(frozen=True)
class Dropout:
    """Chances that a condition is left out."""

    geometry: float = 0.15
    color: float = 0.35
    reference: float = 0.25
    caption: float = 0.1


def balance(records: list[FaceRecord]) -> NDArray[np.float64]:
    """(n,) chances of the faces: rare skin tones oftener by the root of their rarity, enlarged pictures by half."""
    groups = np.digitize([record.tone for record in records], TONES)
    counts = np.bincount(groups, minlength=len(TONES) + 1)
    rarity = np.sqrt(counts.max() / np.maximum(counts, 1))
    weights = np.minimum(rarity, _MOST)[groups] * [0.5 if record.zoom > _ENLARGED else 1.0 for record in records]
    return np.asarray(weights / weights.sum())


class ViewPool:
    """Batches out of a store of encoded views that is filled as it is used, then renewed view by view."""

    def __init__(self, cache: FaceCache, encode: Encode, rng: Generator, size: int = 6144, reuse: int = 3) -> None:
        self.cache, self.encode, self.rng = cache, encode, rng
        self.size, self.reuse = size, reuse  # views kept; how often one is used on average
        self.how = Variation()
        self.indices = cache.chosen(held_out=False)
        self.chances = balance([cache.records[index] for index in self.indices])
        self._store: Batch | None = None
        self._filled, self._oldest = 0, 0

    def draw(self, count: int, dropout: Dropout = Dropout()) -> Batch:
        """`count` views; all fresh until the store is full, then one in `reuse`."""
        fresh = count if self._filled < self.size else max(1, round(count / self.reuse))
        self._put(self._fresh(fresh))
        assert self._store is not None
        latest = (self._oldest - 1 - np.arange(fresh)) % self.size
        older = self.rng.integers(0, self._filled, count - fresh)
        rows = torch.from_numpy(np.concatenate([latest, older]))
        batch = Batch(*(_float(getattr(self._store, field.name)[rows]) for field in fields(Batch)))
        return dropped(batch, dropout, self.rng)

    def _fresh(self, count: int) -> Batch:
        chosen = self.rng.choice(self.indices, count, p=self.chances)
        return encoded([draw_view(self.cache, int(index), self.rng, self.how) for index in chosen], self.encode)

    def _put(self, batch: Batch) -> None:
        if self._store is None:
            self._store = Batch(*(_empty(getattr(batch, field.name), self.size) for field in fields(batch)))
        count = len(batch.captions)
        rows = torch.from_numpy((self._oldest + np.arange(count)) % self.size)
        for field in fields(Batch):
            stored: Tensor = getattr(self._store, field.name)
            stored[rows] = getattr(batch, field.name).to(stored.dtype)
        self._oldest = (self._oldest + count) % self.size
        self._filled = min(self.size, self._filled + count)


def encoded(views: list[View], encode: Encode) -> Batch:
    """Views as a batch with every condition."""
    pictures = [view.frame for view in views] + [view.known for view in views] + [view.reference for view in views]
    latents, known, reference = encode(to_pictures(pictures)).float().chunk(3)
    mask, geometry, color = (
        torch.from_numpy(np.stack([getattr(view, name) for view in views])).float()
        for name in ("mask", "geometry", "color")
    )
    captions = torch.tensor([view.caption for view in views])
    return Batch(latents, known, reference, mask, geometry, color, captions)


def to_pictures(frames: list[NDArray[np.uint8]]) -> Tensor:
    """(n, 3, h, w) in -1..1 of RGB frames."""
    planes = np.stack([np.ascontiguousarray(frame.transpose(2, 0, 1)) for frame in frames])
    return torch.from_numpy(planes).float().div_(127.5).sub_(1)


def dropped(batch: Batch, chances: Dropout, rng: Generator) -> Batch:
    """The batch with conditions left out at random, each view for itself."""
    kept = {name: torch.from_numpy(rng.random(len(batch.captions)) >= getattr(chances, name)) for name in _DROPPED}
    geometry, color, reference = (
        getattr(batch, name) * kept[name].float().reshape(-1, 1, 1, 1) for name in ("geometry", "color", "reference")
    )
    captions = batch.captions * kept["caption"].long()
    return Batch(batch.latents, batch.known, reference, batch.mask, geometry, color, captions)


_DROPPED = ("geometry", "color", "reference", "caption")


def _float(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def _empty(like: Tensor, size: int) -> Tensor:
    return torch.zeros((size, *like.shape[1:]), dtype=torch.float16 if like.is_floating_point() else torch.long)
