"""From a template to the portrait of a person."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from easyphoto.domain import Face, HintKind, ModelFamily, Pixels, Portrait, PortraitRequest, Template
from easyphoto.engines.base import Engine
from easyphoto.errors import NoFace
from easyphoto.faces.base import FaceToolbox, unprepared
from easyphoto.faces.wear import Wear
from easyphoto.images import fit_long_side, open_picture
from easyphoto.locales import Message, message
from easyphoto.portrait import finish
from easyphoto.portrait.compose import FaceCanvas, cut, face_mask, moved_in, put_back, ring_mask
from easyphoto.portrait.drawing import drawn, pose_of
from easyphoto.portrait.extra_loras import drawing_loras, fast_loras
from easyphoto.portrait.infotext import infotext
from easyphoto.portrait.plan import FacePlan, PassPlan, pass_seed, plan_faces
from easyphoto.portrait.pose_reference import picture_reference, pose_reference
from easyphoto.portrait.prompts import join_prompt
from easyphoto.portrait.repaint import PassContext, PoseReference, repaint
from easyphoto.portrait.score import PaintedFace, badness, score_faces
from easyphoto.portrait.subject import Subject
from easyphoto.portrait.working_frame import CROPS, FrameRequest
from easyphoto.progress import Clock, Progress, Step
from easyphoto.stages import Stage
from easyphoto.weights import WeightStore

PREVIEW_SIDE = 384  # pixels


@dataclass(frozen=True)
class Tools:
    """What a portrait is made with."""

    engine: Engine
    faces: FaceToolbox
    weights: Callable[[], WeightStore]  # model files that are not part of the program
    notes: tuple[Message, ...] = ()  # on the tools themselves; every portrait carries them


@dataclass(frozen=True)
class PortraitContext:
    """One portrait being made."""

    request: PortraitRequest
    template: Template
    tools: Tools
    people: Mapping[str, Subject]
    clock: Clock
    report: Progress
    notes: list[Message]

    @property
    def family(self) -> ModelFamily:
        """Of the base model asked for."""
        return self.tools.engine.checkpoint(self.request.base_model).family

    def again(self, seed: int) -> PortraitContext:
        """The same portrait with another seed, with the time spent so far and without notes."""
        return replace(self, request=replace(self.request, seed=seed), clock=Clock(dict(self.clock.seconds)), notes=[])


def generate(
    request: PortraitRequest, template: Template, people: Mapping[str, Subject], tools: Tools, report: Progress
) -> Portrait:
    """The best of `request.best_of` portraits by likeness and quality; raises EasyPhotoError naming the template."""
    first = request.first_seed(template)
    first = first if first >= 0 else secrets.randbelow(2**32)
    context = PortraitContext(replace(request, seed=first), template, tools, people, Clock(), report, [])
    seeds = [(first + n) % 2**32 for n in range(request.best_of)]
    if request.from_text:
        candidates = _drawn_portraits(context, seeds)
    else:
        ready = _prepared(context, _template_of(context))
        candidates = [_portrait(ready, context.again(seed)) for seed in seeds]
    return min(candidates, key=lambda p: sum(badness(score.after, score.quality) for score in p.scores))


@dataclass(frozen=True, eq=False)
class _Prepared:
    """What all candidates of one template share, since no seed changes it."""

    picture: Pixels  # the template
    faces: Sequence[Face]  # all of them, from left to right
    plans: Sequence[FacePlan]
    worn: Sequence[Wear]  # by each plan's face, in the pixels of its region
    toned: Pixels  # the template with its visible skin in the persons' tones


def _drawn_portraits(context: PortraitContext, seeds: Sequence[int]) -> list[Portrait]:
    """One for every seed's own picture. Raises NoFace where not one of the pictures shows a face."""
    pose = pose_of(context.template, context.tools.faces)
    portraits: list[Portrait] = []
    for number, seed in enumerate(seeds):
        one = context.again(seed)
        context.report(Step(Stage.DRAW, number, len(seeds), context.template.name))
        with one.clock.time(Stage.DRAW):
            loras = drawing_loras(one.request, one.family, one.tools.weights)
            picture, notes = drawn(one.request, pose, loras, one.tools.engine, one.report)
        one.notes.extend(notes)
        with suppress(NoFace):
            portraits.append(_portrait(_prepared(one, picture), one))
    if not portraits:
        raise NoFace("portrait.none-drawn", stage="draw", file=context.template.name, count=len(seeds))
    return portraits


def _template_of(context: PortraitContext) -> Pixels:
    with context.clock.time(Stage.DETECT):
        return np.asarray(open_picture(context.template.file))


def _prepared(context: PortraitContext, picture: Pixels) -> _Prepared:
    context.report(Step(Stage.DETECT, 0, 1, context.template.name))
    with context.clock.time(Stage.DETECT):
        faces = find_faces(picture, context)
    plans = plan_faces(context.request, faces, (picture.shape[1], picture.shape[0]), context.family)
    context.report(Step(Stage.SKIN_TONE, 0, 1, context.template.name))
    with context.clock.time(Stage.SKIN_TONE):
        worn = [_worn(cut(picture, plan, faces), context) for plan in plans]
        toned = _in_own_skin(picture, faces, plans, context)
    return _Prepared(picture, faces, plans, worn, toned)


def _worn(canvas: FaceCanvas, context: PortraitContext) -> Wear:
    """What a face of the untouched template wears: frames and beards may not be found any more once it is retoned."""
    return context.tools.faces.worn(canvas.pixels, canvas.face)


def _portrait(ready: _Prepared, context: PortraitContext) -> Portrait:
    request, clock, result = context.request, context.clock, ready.toned
    painted = []
    for number, plan in enumerate(ready.plans):
        canvas = _paint_face(cut(result, plan, ready.faces), FaceContext(context, plan, number, ready.worn[number]))
        result = put_back(result, canvas, plan.region)
        painted.append(PaintedFace(plan, canvas))
    context.report(Step(Stage.SCORE, 0, 1, context.template.name))
    with clock.time(Stage.SCORE):
        scores = score_faces(ready.picture, result, painted, context.people, context.tools.faces)
    notes = tuple(dict.fromkeys((*context.tools.notes, *context.notes)))
    quality = [score.quality.value for score in scores if score.quality is not None]
    persons = [context.people[plan.person].person for plan in ready.plans]
    text = infotext(request, result.shape[1::-1], persons, quality)
    return Portrait(
        Image.fromarray(result), context.template.name, scores, request.seed, text, notes, dict(clock.seconds)
    )


def _in_own_skin(picture: Pixels, faces: Sequence[Face], plans: Sequence[FacePlan], context: PortraitContext) -> Pixels:
    """The template with the visible skin of every face that changes in its new person's tone."""
    if context.request.keep_template_skin:
        return picture
    for plan in plans:
        tone = context.people[plan.person].tone
        if tone is not None:
            others = [face for face in faces if face is not plan.face]
            picture = context.tools.faces.retone(picture, plan.face, others, tone)
    return picture


def find_faces(picture: Pixels, context: PortraitContext) -> list[Face]:
    """Faces of the template from left to right. Raises NoFace."""
    faces = context.tools.faces.detect(picture)
    if not faces:
        raise NoFace("portrait.no-face", stage="detect", file=context.template.name)
    return faces


@dataclass(frozen=True)
class FaceContext:
    """One face being made."""

    portrait: PortraitContext
    plan: FacePlan
    number: int  # of the face, from 0
    worn: Wear  # by the untouched template's face

    @property
    def effects(self) -> finish.EffectContext:
        """What effects without diffusion work with."""
        portrait, subject = self.portrait, self.portrait.people[self.plan.person]
        faces, wanted = portrait.tools.faces, portrait.request.enhance_photos
        prepare = subject.enhancement(faces, portrait.report) if wanted else unprepared
        return finish.EffectContext(faces, subject, portrait.request, prepare)


FaceStage = Callable[[FaceCanvas, FaceContext], FaceCanvas]


def _paint_face(canvas: FaceCanvas, face: FaceContext) -> FaceCanvas:
    """All stages of one face; each is reported as it begins, with the face as it is until then."""
    portrait = face.portrait
    stages = portrait.request.face_stages
    note = message("portrait.note.face", template=portrait.template.name, number=face.number + 1)
    for count, stage in enumerate(stages):
        preview = fit_long_side(Image.fromarray(canvas.pixels), PREVIEW_SIDE)
        portrait.report(Step(stage, count, len(stages), note, preview=preview))
        with portrait.clock.time(stage):
            canvas = FACE_STAGES[stage](canvas, face)
    return canvas


def _fuse_before(canvas: FaceCanvas, face: FaceContext) -> FaceCanvas:
    return _fuse(canvas, face, face.portrait.request.fusion_before_ratio)


def _fuse_after(canvas: FaceCanvas, face: FaceContext) -> FaceCanvas:
    request = face.portrait.request
    again = request.fusion_before and request.fusion_before_ratio > 0
    return _fuse(canvas, face, request.fusion_after_ratio, again)


def _first_pass(canvas: FaceCanvas, face: FaceContext) -> FaceCanvas:
    mask = face_mask(finish.regions_now(canvas, face.effects), canvas.widths)
    if face.portrait.family.spec.within_fusion:
        mask = np.minimum(mask, moved_in(canvas))
    return _pass(canvas, mask, face, 1)


def _second_pass(canvas: FaceCanvas, face: FaceContext) -> FaceCanvas:
    mask = ring_mask(finish.regions_now(canvas, face.effects), canvas.widths)
    return _pass(canvas, mask, face, 2)


def _fuse(canvas: FaceCanvas, face: FaceContext, ratio: float, again: bool = False) -> FaceCanvas:
    """The person moved in; where no photo fits, a refusal, or only a note when the person is in already (`again`)."""
    context = face.portrait
    try:
        # What diffusion has painted over wears what can be seen now.
        worn = None if canvas.touched.any() else face.worn
        canvas, notes = finish.fuse(canvas, face.effects, ratio, worn)
    except NoFace as problem:
        if context.family.spec.fusion_required and not again:
            raise NoFace(problem.code, stage="fusion", file=context.template.name, **problem.params) from problem
        notes = (message("portrait.note.without-fusion", why=problem.messages()[0]),)
    if not again:  # the second time the template is the person already
        context.notes.extend(notes)
    return canvas


def _pass(canvas: FaceCanvas, mask: Pixels, face: FaceContext, turn: int) -> FaceCanvas:
    """Diffusion pass 1 or 2 under the mask (H x W, 255 = repaint)."""
    context, plan = face.portrait, face.plan
    request, subject = context.request, context.people[plan.person]
    settings = request.first if turn == 1 else request.second
    if settings.denoising_strength == 0:
        return canvas
    pass_plan = PassPlan(
        checkpoint=request.base_model,
        prompt=join_prompt(request.prompt),
        negative_prompt=request.negative_prompt,
        settings=settings,
        cfg_scale=request.cfg_scale,
        seed=pass_seed(request.seed, face.number, turn),
        loras=(*subject.loras(request.lora_weight), *fast_loras(request, context.family, context.tools.weights)),
        sampler=request.sampler,
        vae=request.vae,
        identity=subject.identity(request.identity_weight),
        require_control=request.require_control,
    )
    spec, guide = context.family.spec, PoseReference(canvas.pixels, (canvas.face,))
    if any(kind is HintKind.POSE for kind, _ in settings.hints):
        guide = POSE_GUIDES[spec.pose_guide](canvas, subject, context.tools.faces)
    size = (canvas.pixels.shape[1], canvas.pixels.shape[0])
    frame = CROPS[spec.crop](FrameRequest(size, guide.faces[0], plan.working, spec.id))
    where = PassContext(context.tools.engine, frame, spec.id, context.report)
    canvas, notes = repaint(canvas, mask, pass_plan, guide, where)
    context.notes.extend(notes)
    return canvas


def _with_effect(effect: finish.Effect) -> FaceStage:
    return lambda canvas, face: effect(canvas, face.effects)


POSE_GUIDES = {"person": pose_reference, "picture": picture_reference}
"""Whose shape the pose hint shows, by the name that a family has for it (`FamilySpec.pose_guide`)."""

FACE_STAGES: dict[Stage, FaceStage] = {
    Stage.FUSION: _fuse_before,
    Stage.FIRST_PASS: _first_pass,
    Stage.SECOND_FUSION: _fuse_after,
    Stage.SECOND_PASS: _second_pass,
    **{stage: _with_effect(effect) for stage, effect in finish.EFFECTS.items()},
}
"""What is done in each of `PortraitRequest.face_stages`."""


def order_of(persons: Sequence[str]) -> tuple[str, ...]:
    """Distinct ids in the order they were given, without the kept faces."""
    return tuple(dict.fromkeys(p for p in persons if p))
