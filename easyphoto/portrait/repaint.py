"""One diffusion pass over one face region."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from easyphoto.domain import ControlHint, Face, HintKind, ModelFamily, Pixels, RenderJob
from easyphoto.engines.base import Engine
from easyphoto.engines.control_images import control_image
from easyphoto.images import feather
from easyphoto.locales import Message
from easyphoto.portrait.compose import FaceCanvas
from easyphoto.portrait.plan import PassPlan
from easyphoto.portrait.working_frame import WorkingFrame
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
    frame: WorkingFrame
    family: ModelFamily
    report: Progress


def repaint(
    canvas: FaceCanvas, mask: Pixels, plan: PassPlan, guide: PoseReference, context: PassContext
) -> tuple[FaceCanvas, tuple[Message, ...]]:
    """The canvas with the masked part repainted, and the engine's notes.

    The engine sees the region as the working frame cuts it; what it painted comes back to the region's own size.
    """
    spec = context.family.spec
    before = context.frame.cut(canvas.pixels)
    allowed = np.minimum(np.minimum(mask, canvas.free), context.frame.inside())
    wanted = (*plan.settings.hints, *spec.more_hints)
    hints = tuple(_hint(kind, weight, canvas, guide, context) for kind, weight in dict(wanted).items())
    if plan.require_control:
        hints = tuple(replace(hint, required=hint.kind is HintKind.CANNY) for hint in hints)
    job = RenderJob(
        checkpoint=plan.checkpoint,
        prompt=plan.prompt,
        negative_prompt=plan.negative_prompt,
        picture=before,
        mask=context.frame.cut_mask(allowed),
        steps=plan.settings.steps,
        strength=plan.settings.denoising_strength,
        cfg_scale=plan.cfg_scale,
        seed=plan.seed,
        hints=hints,
        loras=plan.loras,
        sampler=plan.sampler,
        vae=plan.vae,
        identity=plan.identity and replace(plan.identity, target=_points(context.frame.face(canvas.face))),
    )
    rendered = context.engine.render(job, context.report)
    share = spec.carried_detail and spec.carried_detail(plan.settings.denoising_strength)
    pixels = _brought_back(canvas.pixels, before, rendered.picture, context.frame, share)
    return canvas.painted(pixels, feather(allowed, canvas.widths.feather, limit=canvas.free)), rendered.notes


def _points(face: Face) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in face.points)


def _brought_back(
    region: Pixels, before: Image.Image, after: Image.Image, frame: WorkingFrame, share: float | None
) -> Pixels:
    """The region repainted; `share` of the detail that is finer than the working frame stays its own."""
    if share is None:
        return np.asarray(after.resize((region.shape[1], region.shape[0]), Image.Resampling.LANCZOS))
    old, new = np.asarray(before, np.float32), np.asarray(after, np.float32)
    change = frame.enlarged(new - old)
    if share < 1:
        change = change - np.float32(1 - share) * (region - frame.enlarged(old))
    return np.asarray(np.clip(np.rint(region + change), 0, 255), np.uint8)


def _hint(kind: HintKind, weight: float, canvas: FaceCanvas, guide: PoseReference, context: PassContext) -> ControlHint:
    """Pose is drawn from the guide, the other hints from the region itself."""
    pixels, faces = (guide.picture, guide.faces) if kind is HintKind.POSE else (canvas.pixels, (canvas.face,))
    placed = tuple(context.frame.face(face) for face in faces)
    return ControlHint(kind, control_image(kind, context.frame.cut(pixels), placed), weight, faces=placed)
