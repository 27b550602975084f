"""A picture drawn from the prompt, which then is the template; the pose comes from a picture that is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from easyphoto.domain import (
    ControlHint,
    Face,
    HintKind,
    LoraUse,
    ModelFamily,
    Pixels,
    PortraitRequest,
    RenderJob,
    Template,
)
from easyphoto.engines.base import Engine
from easyphoto.engines.control_images import control_image
from easyphoto.errors import BadRequest
from easyphoto.faces.base import FaceToolbox
from easyphoto.images import open_picture
from easyphoto.locales import Message
from easyphoto.portrait.plan import working_size
from easyphoto.portrait.working_frame import WholeRegion
from easyphoto.progress import Progress

_GRAY = (128, 128, 128)  # painted over whole, from pure noise


@dataclass(frozen=True, eq=False)
class PoseSource:
    """What gives the pose, and the proportions where the request names no size."""

    picture: Pixels
    faces: Sequence[Face]


WITHOUT_POSE = PoseSource(np.full((640, 512, 3), _GRAY, np.uint8), ())
"""Where no picture is given: a portrait's proportions."""


def pose_of(template: Template, faces: FaceToolbox) -> PoseSource:
    """The template's. Raises BadPicture."""
    if not template.has_picture:
        return WITHOUT_POSE
    pose = np.asarray(open_picture(template.file))
    return PoseSource(pose, faces.detect(pose))


def check_drawing(request: PortraitRequest, family: ModelFamily) -> None:
    """Raises BadRequest for a base model that draws nothing from words."""
    if request.from_text and not family.spec.draws_from_text:
        raise BadRequest("portrait.no-drawing", stage="request", family=family.spec.label)


def drawing_size(request: PortraitRequest, pose: tuple[int, int], family: ModelFamily) -> tuple[int, int]:
    """(width, height): the request's; what it leaves open follows from the pose picture's proportions."""
    width, height = request.width, request.height
    if not (width or height):
        return working_size(pose, family)
    return width or _multiple(height * pose[0] / pose[1]), height or _multiple(width * pose[1] / pose[0])


def _multiple(side: float) -> int:
    return max(64, round(side / 8) * 8)


def drawn(
    request: PortraitRequest, pose: PoseSource, loras: tuple[LoraUse, ...], engine: Engine, report: Progress
) -> tuple[Pixels, tuple[Message, ...]]:
    """The picture that the prompt says, H x W x 3, and the engine's notes; the person's LoRA has no part in it."""
    family = engine.checkpoint(request.base_model).family
    size = drawing_size(request, (pose.picture.shape[1], pose.picture.shape[0]), family)
    job = RenderJob(
        checkpoint=request.base_model,
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        picture=Image.new("RGB", size, _GRAY),
        mask=Image.new("L", size, 255),
        steps=request.drawing_steps,
        strength=1.0,
        cfg_scale=request.cfg_scale,
        seed=request.seed,
        hints=_hints(pose, size, request.pose_weight),
        loras=loras,
        sampler=request.sampler,
        vae=request.vae,
    )
    rendered = engine.render(job, report)
    return np.asarray(rendered.picture), rendered.notes


def _hints(pose: PoseSource, size: tuple[int, int], weight: float) -> tuple[ControlHint, ...]:
    if weight == 0 or not pose.faces:
        return ()
    frame = WholeRegion((pose.picture.shape[1], pose.picture.shape[0]), size)
    faces = tuple(frame.face(face) for face in pose.faces)
    shown = control_image(HintKind.POSE, frame.cut(pose.picture), faces)
    return (ControlHint(HintKind.POSE, shown, weight, faces=faces),)
