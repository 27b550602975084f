"""How good the network is on faces it never saw: a curve of errors, and a sheet of pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from builtin_model.inpaint.cache import FaceCache
from builtin_model.inpaint.objective import clean_error
from builtin_model.inpaint.pool import TONES, Batch, Encode, balance, encoded
from builtin_model.inpaint.sampling import Sampling, paint, signals_of
from builtin_model.inpaint.views import STILL, draw_view

TIMES = (100, 300, 500, 700, 950)

Decode = Callable[[Tensor], Tensor]
"""Latents (n, 12, h, w) -> pictures (n, 3, 8h, 8w) in -1..1."""

_CHUNK = 20


def held_out_batch(cache: FaceCache, encode: Encode, most: int = 200) -> Batch:
    """The same views at every call, with all their conditions."""
    views = [draw_view(cache, index, np.random.default_rng(index), STILL) for index in measured(cache, most)]
    return encoded(views, encode)


def measured(cache: FaceCache, most: int = 200) -> list[int]:
    """Indices of the held-out faces of `held_out_batch`, evenly over all of them."""
    chosen = cache.chosen(held_out=True)
    return [chosen[round(place)] for place in np.linspace(0, len(chosen) - 1, min(most, len(chosen)))]


def errors_by_tone(unet: Any, cache: FaceCache, batch: Batch, states: Tensor, time: int = 500) -> list[dict[str, Any]]:
    """A row a group of skin tones, from dark to light: how much of it was there, was drawn, and how well it is painted.

    `batch` is `held_out_batch` of the same cache.
    """
    trained = [cache.records[index] for index in cache.chosen(held_out=False)]
    groups, chances = np.digitize([record.tone for record in trained], TONES), balance(trained)
    seen = np.digitize([cache.records[index].tone for index in measured(cache, len(batch.captions))], TONES)
    rows: list[dict[str, Any]] = []
    for group, limit in enumerate((*TONES, 90.0)):
        part = batch.rows(torch.from_numpy(np.flatnonzero(seen == group)))
        error, count = 0.0, 0.0
        if len(part.captions):
            text = states[part.captions].to(part.latents)
            error, count = clean_error(unet, part, text, time, signals_of()[time])
        row: dict[str, Any] = {"darker_than": limit, "faces": int((groups == group).sum())}
        row |= {"share_drawn": round(float(chances[groups == group].sum()), 3), "held_out": len(part.captions)}
        rows.append(row | {f"error_{time}": f"{error / count:.4f}" if count else ""})
    return rows


def held_out_errors(unet: Any, batch: Batch, states: Tensor) -> dict[int, float]:
    """Time -> mean squared error inside the mask of the latents the network paints in one step."""
    signals, errors = signals_of(), {}
    for time in TIMES:
        parts = [slice(begin, begin + _CHUNK) for begin in range(0, len(batch.captions), _CHUNK)]
        sums = [
            clean_error(unet, batch.part(p), states[batch.captions[p]].to(batch.latents), time, signals[time])
            for p in parts
        ]
        errors[time] = sum(error for error, _ in sums) / max(sum(count for _, count in sums), 1e-9)
    return errors


def sample_sheet(unet: Any, batch: Batch, states: Tensor, decode: Decode, file: Path) -> None:
    """A row a face: itself, its reference, painted at .5 and 1.0 with the reference, at 1.0 without."""
    text = states[batch.captions].to(batch.latents)
    bare = replace(batch, reference=torch.zeros_like(batch.reference))
    columns = [batch.latents, batch.reference]
    columns += [paint(unet, batch.conditions(), text, batch.reference, Sampling(strength=s)) for s in (0.5, 1.0)]
    columns.append(paint(unet, bare.conditions(), text, batch.latents, Sampling()))
    sheet = np.concatenate([np.concatenate(list(to_pixels(decode(column))), 0) for column in columns], 1)
    cv2.imwrite(str(file), sheet[..., ::-1])


def to_pixels(pictures: Tensor) -> NDArray[np.uint8]:
    """(n, h, w, 3) uint8 RGB."""
    values = ((pictures.float().permute(0, 2, 3, 1) + 1) * 127.5).round().clamp(0, 255)
    return np.asarray(values.to(torch.uint8).cpu().numpy())
