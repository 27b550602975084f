"""Repaints the face of an upright frame, and lays the change back into the whole picture with its fine detail."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from builtin_model.inpaint.evaluation import to_pixels
from builtin_model.inpaint.frame import Frame, Pixels
from builtin_model.inpaint.geometry import cell_means, geometry_maps
from builtin_model.inpaint.parts import FaceInpaintModel
from builtin_model.inpaint.pool import to_pictures
from builtin_model.inpaint.sampling import OnStep, Sampling, ignore, paint
from builtin_model.inpaint.views import color_hint, without

SIDES = 32
"""Sides of a frame must be multiples of this: eight for the autoencoder, four for the U-Net."""


@dataclass(frozen=True, eq=False)
class FrameRepaint:
    """What to repaint in a square RGB frame and by what; every hint may be left out."""

    frame: Pixels  # (side, side, 3): what painting starts from
    mask: Pixels  # (side, side), 255 = repaint
    reference: Pixels | None = None  # (side, side, 3): the fused frame, whose person it shall be
    mesh: ArrayLike | None = None  # (468, 2 or more) in frame pixels: the shape it shall have
    color: Pixels | None = None  # (side, side, 3): whose light and colors it shall have
    prompt: str = ""
    detail: float | None = None  # share of the frame's fine detail that is kept; None = `detail_of` the strength
    sampling: Sampling = field(default_factory=lambda: Sampling(strength=0.5))


def detail_of(strength: float) -> float:
    """How much of the fine detail still fits what was painted: all up to .5, a quarter from pure noise."""
    return float(np.clip(1 - 1.5 * (strength - 0.5), 0.25, 1))


def repaint(model: FaceInpaintModel, job: FrameRepaint, on_step: OnStep = ignore) -> Pixels:
    """The frame with its face painted anew; where the mask is 0 it is unchanged, bit for bit.

    Raises ValueError where sides are not equal multiples of 32 or do not fit each other.
    """
    check(job)
    before = model.frozen.encode(to_pictures([job.frame]))
    device = next(model.unet.parameters()).device
    conditions = conditions_of(model, job).to(device)
    states = model.frozen.states([job.prompt]).to(device)
    after = paint(model.unet, conditions, states, before.to(device), job.sampling, on_step)
    painted = model.frozen.decode(after.cpu())
    kept = detail_of(job.sampling.strength) if job.detail is None else job.detail
    residual = to_pictures([job.frame]) - model.frozen.decode(before)
    share = job.mask.astype(np.float32)[..., None] / 255
    mixed = job.frame + (to_pixels(painted + kept * residual)[0].astype(np.float32) - job.frame) * share
    return np.asarray(np.clip(mixed, 0, 255) + 0.5, np.uint8)


def conditions_of(model: FaceInpaintModel, job: FrameRepaint) -> Tensor:
    """(1, 34, side / 8, side / 8): the U-Net's channels behind the noisy latents; zeros for what is left out."""
    side = job.frame.shape[0]
    cells = (side // 8, side // 8)
    known = model.frozen.encode(to_pictures([without(job.frame, job.mask)]))
    mask = torch.from_numpy(cell_means(job.mask))[None, None]
    geometry = np.zeros((6, *cells), np.float32) if job.mesh is None else geometry_maps(job.mesh, side)
    color = np.zeros((3, *cells), np.float32) if job.color is None else color_hint(job.color)
    reference = torch.zeros_like(known)
    if job.reference is not None:
        reference = model.frozen.encode(to_pictures([job.reference]))
    return torch.cat([known, mask, torch.from_numpy(geometry)[None], torch.from_numpy(color)[None], reference], 1)


def check(job: FrameRepaint) -> None:
    """Raises ValueError where the job's pictures do not fit each other."""
    side = job.frame.shape[0]
    if job.frame.shape != (side, side, 3) or side % SIDES:
        raise ValueError(f"a frame is square with sides of a multiple of {SIDES}, not {job.frame.shape}")
    if job.mask.shape != (side, side):
        raise ValueError(f"the mask is {job.mask.shape}, the frame {job.frame.shape}")
    for hint in (job.reference, job.color):
        if hint is not None and hint.shape != job.frame.shape:
            raise ValueError(f"a hint is {hint.shape}, the frame {job.frame.shape}")


def laid_back(picture: Pixels, frame: Frame, after: Pixels, mask: Pixels, detail: float = 1.0) -> Pixels:
    """The H x W x 3 picture with the repainted frame `after` in it, softly within the frame's `mask`.

    What is finer than the frame stays the picture's own by the share `detail`. Outside the mask the picture is
    unchanged, bit for bit.
    """
    size = (picture.shape[1], picture.shape[0])
    before = frame.cut(picture).astype(np.float32)
    change = frame.back(after.astype(np.float32) - before, size)
    if detail < 1 and frame.zoom < 1:
        change -= np.float32(1 - detail) * (picture.astype(np.float32) - frame.back(before, size))
    share = np.clip(frame.back(soft_mask(mask), size), 0, 1)[..., None]
    laid = np.clip(picture + change * share, 0, 255) + 0.5
    return np.where(share > 0, laid.astype(np.uint8), picture)


def soft_mask(mask: Pixels, width: float = 0.03) -> NDArray[np.float32]:
    """The mask in 0..1, falling to 0 inside its own edge and at the frame's, over `width` frame sides."""
    side = mask.shape[0]
    inside = np.pad((mask > 127).astype(np.uint8), 1)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]
    share = np.clip(depth / max(1.0, width * side), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
