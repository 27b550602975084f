"""The story of a portrait: a template goes in, the person's portrait comes out."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from easyphoto.domain import Face, HintKind, ModelFamily, Pixels, Portrait, PortraitRequest, Template
from easyphoto.engines.base import Engine
from easyphoto.errors import NoFace
from easyphoto.faces.base import FaceToolbox
from easyphoto.images import fit_long_side, open_picture
from easyphoto.portrait import finish
from easyphoto.portrait.compose import FaceCanvas, cut, face_mask, put_back, ring_mask
from easyphoto.portrait.infotext import infotext
from easyphoto.portrait.plan import FacePlan, PassPlan, pass_seed, plan_faces
from easyphoto.portrait.pose_reference import pose_reference
from easyphoto.portrait.prompts import join_prompt
from easyphoto.portrait.repaint import PassContext, PoseReference, repaint
from easyphoto.portrait.score import score_faces
from easyphoto.portrait.subject import Subject
from easyphoto.progress import Clock, Progress, Step

STAGES_A_FACE = 6
PREVIEW_SIDE = 384  # pixels


@dataclass(frozen=True)
class Tools:
    """The two tools a portrait is made with."""

    engine: Engine
    faces: FaceToolbox


@dataclass(frozen=True)
class PortraitContext:
    """One portrait being made."""

    request: PortraitRequest
    template: Template
    tools: Tools
    people: Mapping[str, Subject]
    clock: Clock
    report: Progress
    notes: list[str]

    @property
    def family(self) -> ModelFamily:
        """Of the base model asked for."""
        return self.tools.engine.checkpoint(self.request.base_model).family


def generate(
    request: PortraitRequest, template: Template, people: Mapping[str, Subject], tools: Tools, report: Progress
) -> Portrait:
    """The best of `request.best_of` portraits by likeness; raises EasyPhotoError naming the template."""
    first = request.seed if request.seed >= 0 else secrets.randbelow(2**32)
    candidates = [
        _portrait(
            PortraitContext(replace(request, seed=(first + n) % 2**32), template, tools, people, Clock(), report, [])
        )
        for n in range(request.best_of)
    ]
    return min(candidates, key=lambda p: sum(score.after for score in p.scores))


def _portrait(sitting: PortraitContext) -> Portrait:
    request, clock = sitting.request, sitting.clock
    with clock.time("detect"):
        picture = np.asarray(open_picture(sitting.template.file))
        faces = find_faces(picture, sitting)
    plans = plan_faces(request, faces, (picture.shape[1], picture.shape[0]), sitting.family)
    result = picture
    for number, plan in enumerate(plans):
        canvas = _paint_face(cut(result, plan, faces), plan, number, sitting)
        result = put_back(result, canvas, plan.region)
    with clock.time("score"):
        scores = score_faces(picture, result, plans, sitting.people, sitting.tools.faces)
    notes = tuple(dict.fromkeys(sitting.notes))
    text = infotext(request, result.shape[1::-1], [sitting.people[p.person].person for p in plans])
    return Portrait(
        Image.fromarray(result), sitting.template.name, scores, request.seed, text, notes, dict(clock.seconds)
    )


def find_faces(picture: Pixels, sitting: PortraitContext) -> list[Face]:
    """Faces of the template from left to right. Raises NoFace."""
    faces = sitting.tools.faces.detect(picture)
    if not faces:
        raise NoFace(
            "No face was found in the template.",
            stage="detect",
            file=sitting.template.name,
            remedy="Use a picture with a face of at least 40 pixels that is not in profile.",
        )
    return faces


def _paint_face(canvas: FaceCanvas, plan: FacePlan, number: int, sitting: PortraitContext) -> FaceCanvas:
    """Fusion, first pass, colour, fusion, ring pass, finishing."""
    request, clock = sitting.request, sitting.clock
    bench = finish.EffectContext(sitting.tools.faces, sitting.people[plan.person], request)
    stages = _StageProgress(sitting, number)
    if request.fusion_before:
        with clock.time("fusion"):
            canvas = _fuse(canvas, bench, request.fusion_before_ratio, sitting)
    stages.begin("first pass", canvas)
    with clock.time("first pass"):
        mask = face_mask(finish.regions_now(canvas, bench), canvas.widths)
        canvas = _pass(canvas, mask, (plan, number, 1), sitting)
    if request.color_first:
        stages.begin("color", canvas)
        with clock.time("color"):
            canvas = finish.match_template(canvas, bench)
    if request.fusion_after:
        stages.begin("second fusion", canvas)
        with clock.time("fusion"):
            canvas = _fuse(canvas, bench, request.fusion_after_ratio, sitting)
    if request.second_pass:
        stages.begin("second pass", canvas)
        with clock.time("second pass"):
            mask = ring_mask(finish.regions_now(canvas, bench), canvas.widths)
            canvas = _pass(canvas, mask, (plan, number, 2), sitting)
    for name, effect in finish.finishing(request):
        stages.begin(name, canvas)
        with clock.time(name):
            canvas = effect(canvas, bench)
    return canvas


def _fuse(canvas: FaceCanvas, bench: finish.EffectContext, ratio: float, sitting: PortraitContext) -> FaceCanvas:
    try:
        canvas, notes = finish.fuse(canvas, bench, ratio)
    except NoFace as problem:
        # With the built-in model the likeness comes from fusion alone; a real base model has the LoRA.
        if sitting.family is ModelFamily.BUILTIN:
            raise NoFace(
                problem.problem, stage="fusion", file=sitting.template.name, remedy=problem.remedy
            ) from problem
        notes = (f"Fusion was left out: {problem.problem}",)
    sitting.notes.extend(notes)
    return canvas


def _pass(canvas: FaceCanvas, mask: Pixels, which: tuple[FacePlan, int, int], sitting: PortraitContext) -> FaceCanvas:
    plan, number, turn = which
    request, subject = sitting.request, sitting.people[plan.person]
    settings = request.first if turn == 1 else request.second
    if settings.strength == 0:
        return canvas
    order = PassPlan(
        checkpoint=request.base_model,
        prompt=join_prompt(request.prompt),
        negative_prompt=request.negative_prompt,
        settings=settings,
        cfg_scale=request.cfg_scale,
        seed=pass_seed(request.seed, number, turn),
        loras=subject.loras(request.lora_weight),
        require_control=request.require_control,
    )
    carry = sitting.family is ModelFamily.BUILTIN
    easel = PassContext(sitting.tools.engine, plan.working, carry, sitting.report)
    wants_pose = any(kind is HintKind.POSE for kind, _ in settings.hints)
    guide = (
        pose_reference(canvas, subject, sitting.tools.faces)
        if wants_pose
        else PoseReference(canvas.pixels, (canvas.face,))
    )
    canvas, notes = repaint(canvas, mask, order, guide, easel)
    sitting.notes.extend(notes)
    return canvas


@dataclass
class _StageProgress:
    """Counts the stages of one face for the progress report."""

    sitting: PortraitContext
    number: int
    count: int = 0

    def begin(self, stage: str, canvas: FaceCanvas) -> None:
        """Report that `stage` begins, with the face as it is until then."""
        self.count += 1
        note = f"{self.sitting.template.name}, face {self.number + 1}"
        preview = fit_long_side(Image.fromarray(canvas.pixels), PREVIEW_SIDE)
        self.sitting.report(Step(stage, min(self.count, STAGES_A_FACE), STAGES_A_FACE, note, preview=preview))


def order_of(persons: Sequence[str]) -> tuple[str, ...]:
    """Distinct ids in the order they were given, without the kept faces."""
    return tuple(dict.fromkeys(p for p in persons if p))
