"""Effects on a face region: each takes a canvas and gives a canvas, so that they can stand in a list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from easyphoto.domain import Pixels, PortraitRequest
from easyphoto.faces.base import FaceRegions, FaceToolbox, FusionTarget, Prepare, unprepared
from easyphoto.faces.wear import Wear
from easyphoto.images import extent, match_color
from easyphoto.locales import Message
from easyphoto.portrait.compose import FaceCanvas, found_again
from easyphoto.portrait.subject import Subject
from easyphoto.stages import Stage


@dataclass(frozen=True, eq=False)
class EffectContext:
    """What effects work with."""

    faces: FaceToolbox
    subject: Subject
    request: PortraitRequest
    prepare: Prepare = unprepared  # what is done to a photo before it is moved in


Effect = Callable[[FaceCanvas, EffectContext], FaceCanvas]


def regions_now(canvas: FaceCanvas, context: EffectContext) -> FaceRegions:
    """Masks of the face as it looks now; where it is not found any more, at its old place."""
    return context.faces.regions(canvas.pixels, found_again(canvas.pixels, canvas.face, context.faces))


def fuse(
    canvas: FaceCanvas, context: EffectContext, ratio: float, worn: Wear | None = None
) -> tuple[FaceCanvas, tuple[Message, ...]]:
    """The person's face moved in by `ratio` 0..1, with the fusion's notes.

    `worn` is what the face wore before the canvas was retoned; None: as it is seen now.
    Raises NoFace when no photo of the person fits the template's pose.
    """
    if ratio == 0:
        return canvas, ()
    target = FusionTarget(canvas.pixels, canvas.face, worn)
    fused = context.faces.fuse(target, context.subject.sources, ratio, context.prepare)
    # The toolbox has softened its own edge, so the mask is taken as solid wherever it changed anything.
    moved_in = np.where(fused.mask > 0, 255, 0).astype(np.uint8)
    painted = canvas.painted(fused.picture, moved_in)
    if canvas.laid_in is None:  # the second time the template is the person already, and everything fits
        painted = replace(painted, laid_in=np.minimum(fused.mask, canvas.free), fit=fused.fit)
    return painted, fused.notes


def match_template(canvas: FaceCanvas, context: EffectContext) -> FaceCanvas:
    """Colour of the face's skin as it was in the template; lips, eyes and brows are left out."""
    now = regions_now(canvas, context)
    before = context.faces.regions(canvas.original, canvas.face)
    skin, reference = _inner_skin(now), _inner_skin(before)
    return canvas.painted(match_color(canvas.pixels, canvas.original, skin, reference), skin)


def retouch(canvas: FaceCanvas, context: EffectContext) -> FaceCanvas:
    """Blemishes smoothed where the face was painted."""
    smooth = context.faces.retouch(canvas.pixels, canvas.face, context.request.retouch_ratio)
    return canvas.painted(smooth, canvas.soft)


def enhance_detail(canvas: FaceCanvas, context: EffectContext) -> FaceCanvas:
    """Detail boosted where the face was painted, mixed in by the request's ratio."""
    soft = canvas.soft
    here, result = extent(soft), canvas.pixels.copy()
    if not soft.any():
        return canvas
    part = canvas.pixels[here]
    sharp = context.faces.sharpen(np.ascontiguousarray(part), 1.0)
    mixed = part + (sharp.astype(np.float32) - part) * np.float32(context.request.enhance_detail_ratio)
    result[here] = np.clip(np.rint(mixed), 0, 255)
    return canvas.painted(result, soft)


def _inner_skin(regions: FaceRegions) -> Pixels:
    inner = np.minimum(regions.skin, regions.face)
    features = np.maximum(np.maximum(regions.eyes, regions.lips), regions.brows)
    return np.asarray(np.minimum(inner, 255 - features))


EFFECTS: dict[Stage, Effect] = {
    Stage.COLOR: match_template,
    Stage.RETOUCH: retouch,
    Stage.DETAIL: enhance_detail,
}
