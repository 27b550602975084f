"""A person's face moved into a template: own shape in the template's pose, the template's light, no seam.

The template's surroundings give way a little (jaw, cheeks, neck), so that the face keeps its own outline. The method
is of our own making from textbook parts: similarity of 3-D meshes (Umeyama 1991), thin plates (Bookstein 1989) and
multiband blending (Burt and Adelson 1983).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np

from builtin_model.mesh_indices import INNER_MOUTH
from easyphoto.domain import Face, Floats, Pixels
from easyphoto.errors import NoFace
from easyphoto.faces.base import FusionResult, FusionSource, FusionTarget, PhotoFit, Prepare, unprepared
from easyphoto.faces.builtin.face_parsing import CropWindow
from easyphoto.faces.fusion.blend_mask import BlendMask, blend_region
from easyphoto.faces.fusion.creases import LAID, crease_depth, creases_of, lessened
from easyphoto.faces.fusion.expression import borrows_mouth, expression_cost
from easyphoto.faces.fusion.face_crop import CROP_MARGINS, CropMargins, FaceCrop, face_of, shifted
from easyphoto.faces.fusion.face_lightness import with_lightness_of
from easyphoto.faces.fusion.face_shape import KNOTS, between, posed, rim_shares
from easyphoto.faces.fusion.fit import notes_on, notes_on_wear, soft_note, within_reach
from easyphoto.faces.fusion.folds import with_folds
from easyphoto.faces.fusion.frame_shape import with_straight_frame
from easyphoto.faces.fusion.fringe import fringe_of, with_brows_as_dark_as
from easyphoto.faces.fusion.glasses import without_frame
from easyphoto.faces.fusion.glasses_and_beard import wear_of, worn_by
from easyphoto.faces.fusion.hard_light import with_shading_of
from easyphoto.faces.fusion.mouth import with_mouth_of, with_teeth_of
from easyphoto.faces.fusion.oblique import directly_seen
from easyphoto.faces.fusion.relight import (
    LOOSE,
    calmed,
    clean_teeth,
    even_toned,
    evened,
    is_gray,
    less_red,
    relit,
    skin_share,
    soft_light,
    tinted,
)
from easyphoto.faces.fusion.source_selection import SourceChoice, candidates
from easyphoto.faces.fusion.stubble import shaved
from easyphoto.faces.fusion.texture import with_texture_of
from easyphoto.faces.fusion.thin_plate import ThinPlate, sample
from easyphoto.faces.geometry import box_of
from easyphoto.faces.likeness import distance, robust_center
from easyphoto.faces.quality import QUALITY_WEIGHT, Repainted, quality_of
from easyphoto.faces.wear import Wear
from easyphoto.images.masks import blend, multiband_blend

_EXPRESSION_WEIGHT = 0.03  # L2 that an `expression_cost` of 1 weighs when the recognizer chooses between sources


class Embedder(Protocol):
    """The part of a toolbox that fusion asks."""

    def embed(self, picture: Pixels, face: Face) -> Floats:
        """The recogniser's vector."""
        ...


@dataclass(frozen=True)
class FusionSettings:
    """Shares are 0..1, lengths are in face heights."""

    inner_share: float = 1.0  # of the person's shape inside the face
    jaw_share: float = 0.8  # of the person's shape on the face's oval, at the jaw
    ear_share: float = 0.45  # the same beside ears and forehead, where hair and ears would bulge
    room: CropMargins = CROP_MARGINS
    light: float = 0.22  # Gaussian radius of what counts as light rather than as features
    light_limit: float = 1.5  # bound of the light's change, logarithmic
    crisp: float = 0.45  # detail boost of a small photo that is enlarged
    tries: int = 2  # sources that are tried; the recogniser chooses
    worse: float = 1.0  # cost above the best source's at which none is tried
    share: float = 1.0  # of the way from the template's face to the person's, in shape and in colour alike


FUSION_SETTINGS = FusionSettings()


def fuse(
    target: FusionTarget,
    sources: Sequence[FusionSource],
    judge: Embedder | None = None,
    recipe: FusionSettings = FUSION_SETTINGS,
    prepare: Prepare = unprepared,
) -> FusionResult:
    """The best source's face moved into the face of `target`; other pixels are the template's own, bit for bit.

    With a judge the first `tries` sources are moved in one after the other, and the result nearest to the person is
    kept; each is prepared before. Raises NoFace where the template's face has no mesh or no source can be brought into
    its pose.
    """
    if target.face.mesh is None:
        raise NoFace("fusion.no-mesh", stage="fusion")
    choices = within_reach(candidates(target.picture, target.face, sources))
    canvas = FaceCrop.round_face(target.picture, target.face.mesh, recipe.room)
    wear = _worn_on(canvas, target.worn)
    tried = choices[: 1 if judge is None else recipe.tries]
    worth = [choice for choice in tried if choice.cost <= tried[0].cost + recipe.worse]
    attempts = [_candidate(canvas, wear, replace(choice, source=prepare(choice.source)), recipe) for choice in worth]
    best = attempts[0] if judge is None or len(attempts) == 1 else _best(canvas, attempts, sources, judge)
    picture, mask = canvas.put_back(best.goal, best.pixels, best.mask)
    notes = (*notes_on(best.choice), *notes_on_wear(best.worn, wear), *soft_note(sources[best.choice.index]))
    fit = PhotoFit(best.choice.gap, best.choice.expression.eyes_open)
    return FusionResult(picture, mask, best.choice.index, best.choice.gap, notes, fit)


def _worn_on(canvas: FaceCrop, worn: Wear | None) -> Wear:
    """What the face wears, in working pixels."""
    if worn is None:
        return worn_by(canvas.pixels, canvas.mesh)
    return replace(worn, glasses=replace(worn.glasses, mask=canvas.taken(worn.glasses.mask)))


# ---------------------------------------------------------------- one attempt


@dataclass(frozen=True, eq=False)
class _Candidate:
    """One source moved in, in the canvas's working pixels."""

    choice: SourceChoice
    worn: Wear  # by the source
    goal: Floats  # the fused face's mesh
    pixels: Pixels
    mask: Pixels  # 0 the template's, 1 perhaps moved, more where the face is


def _candidate(canvas: FaceCrop, wear: Wear, choice: SourceChoice, recipe: FusionSettings) -> _Candidate:
    own, worn = choice.source.face.mesh, wear_of(choice.source)
    assert own is not None  # `candidates` gives no others
    shares = rim_shares(canvas.mesh, recipe.jaw_share, recipe.ear_share)
    goal = between(canvas.mesh, posed(own, canvas.mesh), shares * recipe.share, recipe.inner_share * recipe.share)
    borrowed = borrows_mouth(choice.expression, choice.wanted)
    if borrowed:
        goal = with_mouth_of(goal, canvas.mesh)
    pixels, mask = canvas.bent(goal)
    frame = canvas.bent_mask(wear.glasses.mask, goal) if wear.glasses.worn else None
    whole = BlendMask(goal, canvas.size)
    creases = creases_of(whole, pixels.astype(np.float32), frame)
    pixels, changed = lessened(pixels, creases, crease_depth(choice.source, worn.glasses.mask), recipe.share)
    mask = np.maximum(mask, changed)
    if wear.stubble and not worn.hairy:
        pixels, cleared = shaved(whole, pixels)
        mask = np.maximum(mask, np.ceil(LAID * cleared).astype(np.uint8))
    window = CropWindow.round_face(box_of(goal), canvas.size, 1.12)
    plane = BlendMask(shifted(goal, window), (window.right - window.left, window.bottom - window.top))
    own_frame = worn.glasses.worn and not wear.glasses.worn
    front = _warped_source(_before_frame(choice.source, worn, wear), plane, own_frame)
    painted, face_mask = _merged(plane, front, window.cut(pixels), recipe)
    if borrowed:
        painted = with_teeth_of(painted, window.cut(pixels), plane)
    if frame is not None:
        painted = blend(painted, window.cut(pixels), window.cut(frame))
    window.cut(pixels)[:] = _dissolved(window.cut(pixels), painted, recipe.share)
    window.cut(mask)[:] = np.maximum(window.cut(mask), face_mask)
    return _Candidate(choice, worn, goal, pixels, mask)


def _before_frame(source: FusionSource, worn: Wear, template: Wear) -> FusionSource:
    """The source without its clear glasses where the template has some: one face wears one pair."""
    mesh = source.face.mesh
    if mesh is None or not (template.glasses.worn and worn.glasses.worn) or worn.glasses.dark:
        return source
    height = BlendMask(mesh, (1, 1)).height
    return replace(source, picture=without_frame(source.picture, worn.glasses.mask, height))


def _dissolved(before: Pixels, after: Pixels, share: float) -> Pixels:
    """`share` of the way from one picture to the other; their faces have the same mesh, so no outline shows twice."""
    if share == 1:
        return after
    mixed = before + (after.astype(np.float32) - before) * np.float32(share)
    return np.asarray(np.rint(mixed), np.uint8)


def _best(
    canvas: FaceCrop, attempts: Sequence[_Candidate], sources: Sequence[FusionSource], judge: Embedder
) -> _Candidate:
    """The attempt nearest to the middle of the person's photos; a different expression and faults count too."""
    rows = [s.face.embedding for s in sources if s.face.embedding is not None]
    if not rows:
        rows = [judge.embed(attempt.choice.source.picture, attempt.choice.source.face) for attempt in attempts]
    center = robust_center(np.stack(rows))
    gaps = [
        distance(judge.embed(attempt.pixels, face_of(attempt.goal)), center)
        + _EXPRESSION_WEIGHT * expression_cost(attempt.choice.expression, attempt.choice.wanted)
        - QUALITY_WEIGHT * _quality(canvas, attempt)
        for attempt in attempts
    ]
    return attempts[int(np.argmin(gaps))]


def _quality(canvas: FaceCrop, attempt: _Candidate) -> float:
    fit = PhotoFit(attempt.choice.gap, attempt.choice.expression.eyes_open)
    return quality_of(Repainted(canvas.pixels, attempt.pixels, canvas.mesh, attempt.goal, attempt.mask), fit).value


@dataclass(frozen=True, eq=False)
class _Front:
    """The source's face with the plane's mesh."""

    pixels: Floats  # RGB 0..255
    enlarged: float  # at least 1
    seen: Floats  # see `directly_seen`


def _warped_source(source: FusionSource, plane: BlendMask, glasses: bool) -> _Front:
    assert source.face.mesh is not None
    height = BlendMask(source.face.mesh, (1, 1)).height
    ratio = min(1.0, 1.15 * plane.height / max(height, 1.0))
    window = CropWindow.round_face(source.face.box, (source.picture.shape[1], source.picture.shape[0]), 1.5)
    part = window.cut(source.picture)
    if ratio < 1:
        size = (max(8, round(part.shape[1] * ratio)), max(8, round(part.shape[0] * ratio)))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    enlarged = max(1.0, plane.height / max(height, 1.0))
    if enlarged > 1.3:
        part = _denoised(part)
    mesh = shifted(source.face.mesh, window, ratio)
    field = ThinPlate(plane.mesh[KNOTS, :2], mesh[KNOTS, :2]).field(plane.size, plane.height / 40)
    if glasses:
        field = with_straight_frame(plane, field)
    return _Front(sample(part, field).astype(np.float32), enlarged, directly_seen(field, plane))


def _denoised(part: Pixels) -> Pixels:
    """A small photo without the blocks and colour specks of its compression, which enlarging would show."""
    lab = cv2.cvtColor(part, cv2.COLOR_RGB2LAB)
    light = cv2.bilateralFilter(lab[..., 0], 5, 9, 1.5)
    color = cv2.GaussianBlur(lab[..., 1:], (0, 0), 1.2)
    return np.asarray(cv2.cvtColor(np.dstack([light, color]), cv2.COLOR_LAB2RGB), np.uint8)


def _merged(plane: BlendMask, source: _Front, back: Pixels, recipe: FusionSettings) -> tuple[Pixels, Pixels]:
    """(source over back in back's light, uint8 mask of where it is)."""
    base, front = back.astype(np.float32), source.pixels
    sure = plane.cheeks()
    own_skin, their_skin = (skin_share(picture, sure, plane.height) for picture in (front, base))
    field, sigma = plane.skin_field(), recipe.light * plane.height
    own, theirs = field * own_skin, field * evened(base, their_skin * field, 2 * sigma)
    both = own * theirs
    if both.sum() > 0.2 * field.sum():  # else the two show skin at different places
        own = theirs = both
    if is_gray(base):  # a black and white portrait stays one
        front = np.repeat(front.mean(-1, keepdims=True), 3, axis=-1)
    front = even_toned(front, field * own_skin, 0.05 * plane.height)
    front = less_red(front, plane.skin_and_nose(), 0.02 * plane.height)
    lows = soft_light(front, own, sigma), soft_light(base, theirs, sigma)
    lit = with_shading_of(plane, tinted(relit(front, *lows, recipe.light_limit), front, *lows), base)
    lit = with_lightness_of(plane, lit, base, own_skin * their_skin)
    lit = clean_teeth(calmed(lit, lows[1], plane.sockets()), plane.soft(plane.polygon(INNER_MOUTH), 0.004))
    if source.enlarged > 1.05:
        lit = _crisp(lit, source.enlarged, recipe.crisp)
    lit = with_texture_of(plane, lit, base, own_skin, their_skin)
    template_skin = with_folds(plane, skin_share(base, sure, plane.height, LOOSE), base)
    fringe, hair = fringe_of(plane, source.pixels)
    if fringe > 0:
        back = np.asarray(np.rint(np.clip(with_brows_as_dark_as(plane, base, hair, fringe), 0, 255)), np.uint8)
    mask = blend_region(plane, own_skin, template_skin, fringe) * source.seen
    return _blended(plane, np.clip(lit, 0, 255), back, mask)


def _crisp(lit: Floats, enlarged: float, boost: float) -> Floats:
    """An enlarged face with its detail boosted."""
    detail = np.clip(lit - cv2.GaussianBlur(lit, (0, 0), 0.6 * enlarged), -9, 9)  # hard edges are hard enough
    return np.asarray(lit + min(1.0, enlarged - 1) * boost * detail, np.float32)


def _blended(plane: BlendMask, lit: Floats, back: Pixels, mask: Floats) -> tuple[Pixels, Pixels]:
    """Multiband; a halo about the mask takes the coarse bands' spill and fades into `back`."""
    seen = (mask > 0.004).astype(np.float32)
    halo = plane.grow(seen, 0.02)
    soft = np.maximum(np.rint(mask * 255), halo).astype(np.uint8)
    levels = max(2, int(np.log2(max(plane.height, 32) / 16)))
    mixed = multiband_blend(back, np.rint(lit).astype(np.uint8), soft, levels)
    near = np.minimum(1, plane.soft(seen, 0.006))[..., None] * halo[..., None]
    faded = np.rint(back + (mixed.astype(np.float32) - back) * near)
    return np.asarray(faded, np.uint8), soft
