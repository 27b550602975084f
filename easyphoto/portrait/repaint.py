"""One diffusion pass over one face region."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from easyphoto.domain import ControlHint, Face, HintKind, Pixels, RenderJob
from easyphoto.engines.base import Engine
from easyphoto.engines.control_images import control_image
from easyphoto.images import feather
from easyphoto.locales import Message
from easyphoto.portrait.compose import FaceCanvas
from easyphoto.portrait.plan import PassPlan, moved
from easyphoto.progress import Progress


@dataclass(frozen=True, eq=False)
class PoseReference:
    """What the pose hint is drawn from: a picture of the region's size and the face in it."""

    picture: Pixels
    faces: tuple[Face, ...]


@dataclass(frozen=True)
class PassContext:
    """Where and how a region is painted."""

    engine: Engine
    working: tuple[int, int]  # width, height
    carry_detail: bool  # lay only the engine's change on the region, keep the region's own fine detail
    report: Progress


def repaint(
    canvas: FaceCanvas, mask: Pixels, plan: PassPlan, guide: PoseReference, context: PassContext
) -> tuple[FaceCanvas, tuple[Message, ...]]:
    """The canvas with the masked part repainted, and the engine's notes.

    The region goes to the engine at the working size and comes back to its own.
    """
    before = _resized(canvas.pixels, context.working)
    allowed = np.minimum(mask, canvas.free)
    hints = tuple(_hint(kind, weight, canvas, guide, context) for kind, weight in plan.settings.hints)
    if plan.require_control:
        hints = tuple(replace(hint, required=hint.kind is HintKind.CANNY) for hint in hints)
    job = RenderJob(
        checkpoint=plan.checkpoint,
        prompt=plan.prompt,
        negative_prompt=plan.negative_prompt,
        picture=before,
        mask=Image.fromarray(allowed).resize(context.working, Image.Resampling.BILINEAR),
        steps=plan.settings.steps,
        strength=plan.settings.denoising_strength,
        cfg_scale=plan.cfg_scale,
        seed=plan.seed,
        hints=hints,
        loras=plan.loras,
    )
    rendered = context.engine.render(job, context.report)
    pixels = _brought_back(canvas.pixels, before, rendered.picture, context.carry_detail)
    return canvas.painted(pixels, feather(allowed, canvas.widths.feather, limit=canvas.free)), rendered.notes


def _brought_back(region: Pixels, before: Image.Image, after: Image.Image, carry_detail: bool) -> Pixels:
    size = (region.shape[1], region.shape[0])
    if not carry_detail:
        return np.asarray(after.resize(size, Image.Resampling.LANCZOS))
    change = np.asarray(after, np.float32) - np.asarray(before, np.float32)
    import cv2

    enlarged = cv2.resize(change, size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(np.rint(region + enlarged), 0, 255), np.uint8)


def _hint(kind: HintKind, weight: float, canvas: FaceCanvas, guide: PoseReference, context: PassContext) -> ControlHint:
    """Pose is drawn from the guide, the other hints from the region itself."""
    pixels, faces = (guide.picture, guide.faces) if kind is HintKind.POSE else (canvas.pixels, (canvas.face,))
    scale = (context.working[0] / pixels.shape[1], context.working[1] / pixels.shape[0])
    scaled = [moved(face, 0, 0, scale) for face in faces]
    return ControlHint(kind, control_image(kind, _resized(pixels, context.working), scaled), weight)


def _resized(pixels: Pixels, size: tuple[int, int]) -> Image.Image:
    return Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)
