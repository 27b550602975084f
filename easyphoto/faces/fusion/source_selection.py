"""Which photo of the person to move into a template: pose, expression, sharpness, light and likeness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from builtin_model.mesh_indices import EYES, INNER_MOUTH
from easyphoto.domain import Face, Floats, Pixels
from easyphoto.faces.base import FusionSource
from easyphoto.faces.builtin.face_parsing import CropWindow
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.expression import Expression, expression_cost, expression_gap, expression_of
from easyphoto.faces.fusion.face_crop import shifted
from easyphoto.faces.geometry import pose_gap
from easyphoto.faces.likeness import distances, robust_center

_HEIGHT = 160  # pixels of a face when photos are compared
_OVER_BROWS = (103, 67, 109, 10, 338, 297, 332, 334, 296, 336, 107, 66, 105)
_USUAL_EYES = 0.28  # lid gap in eye widths that a set of photos with mostly closed eyes is compared with
_NARROW = 0.05  # mouth opening in face heights up to which a gap without teeth is no open mouth
_TEETH = (60.0, 0.5)  # gray level, and share of the skin's, from which what lies between the lips is teeth
_LIGHT_AT = (151, 50, 280, 205, 425, 199, 5)  # mesh points: forehead, cheeks, lower cheeks, chin, nose


@dataclass(frozen=True, eq=False)
class SourceChoice:
    """A source with what speaks against it."""

    index: int  # in the caller's list
    source: FusionSource
    gap: float  # degrees to the template's pose, roll left out
    expression: Expression  # of the source
    wanted: Expression  # of the template
    cost: float  # lower is better; 1 weighs like 10 degrees

    @property
    def expression_gap(self) -> float:
        """How differently the mouths look; see `expression.expression_gap`."""
        return expression_gap(self.expression, self.wanted)


@dataclass(frozen=True, eq=False)
class PhotoStats:
    """What a small grey picture of a face tells of its photo."""

    lights: Floats  # log lightness at places of the face, their mean taken off
    exposure: float  # median lightness of the skin, 0..255
    burnt: float  # share of skin at the upper end
    sharpness: float  # standard deviation of the Laplacian
    expression: Expression
    aside: float  # how far the pupils are off the eyes' middle, in eye widths
    fringe: float  # share of the forehead above the brows that is no skin


@dataclass(frozen=True)
class UsualPhoto:
    """What the person's photos are compared with: the sharpest of them, and how far the eyes are open as a rule."""

    sharpness: float
    eyes_open: float

    @classmethod
    def of(cls, looks: Sequence[PhotoStats]) -> UsualPhoto:
        """Of at least one photo."""
        eyes = float(np.median([look.expression.eyes_open for look in looks]))
        return cls(max(look.sharpness for look in looks), max(eyes, _USUAL_EYES))


def candidates(template: Pixels, face: Face, sources: Sequence[FusionSource]) -> list[SourceChoice]:
    """All sources whose face has a mesh, best first."""
    usable = [(i, source) for i, source in enumerate(sources) if source.face.mesh is not None]
    if not usable:
        return []
    goal = photo_stats(template, face)
    looks = [photo_stats(source.picture, source.face) for _, source in usable]
    usual = UsualPhoto.of(looks)
    strange = _strangeness([source.face for _, source in usable])
    choices = []
    for (i, source), look, far in zip(usable, looks, strange, strict=True):
        turned = pose_gap(source.face.pose, face.pose)
        cost = turned / 10 + expression_cost(look.expression, goal.expression) + far + flaws(look, goal, usual)
        choices.append(SourceChoice(i, source, turned, look.expression, goal.expression, cost))
    return sorted(choices, key=lambda choice: choice.cost)


def _strangeness(faces: Sequence[Face]) -> list[float]:
    """How far each face is from the middle of all of them; 0 where too few have embeddings."""
    rows = [face.embedding for face in faces if face.embedding is not None]
    if len(rows) < 3:
        return [0.0] * len(faces)
    center = robust_center(np.stack(rows))
    return [0.0 if f.embedding is None else 4 * float(distances(f.embedding[None], center)[0]) for f in faces]


def flaws(look: PhotoStats, goal: PhotoStats, usual: UsualPhoto) -> float:
    """Cost of half closed eyes, of bad exposure, of blur, and of light that falls otherwise than in the template."""
    exposure = max(0.0, 95 - look.exposure) / 25 + max(0.0, look.exposure - 215) / 25
    blur = float(np.log2(max(usual.sharpness, 1e-3) / max(look.sharpness, 1e-3)))
    light = float(np.abs(look.lights - goal.lights).mean())
    shut = max(0.0, 0.96 - look.expression.eyes_open / usual.eyes_open)
    eyes = 16 * shut + 100 * shut**2 + 6 * max(0.0, look.aside - 0.04)
    return eyes + 1.5 * look.fringe + exposure + 0.6 * min(blur, 4.0) + 2.0 * light + 3.0 * look.burnt


def photo_stats(picture: Pixels, face: Face) -> PhotoStats:
    """Light, exposure and sharpness of a face that has a mesh."""
    gray, plane = _small(picture, face)
    skin = plane.skin_field() > 0.5
    tones = gray[skin] if skin.any() else gray.reshape(-1)
    broad = cv2.GaussianBlur(gray, (0, 0), 0.05 * _HEIGHT)
    rows, columns = (np.clip(plane.mesh[list(_LIGHT_AT), axis], 0, gray.shape[1 - axis] - 1) for axis in (1, 0))
    lights = np.log(np.maximum(broad[rows.astype(int), columns.astype(int)], 6).astype(np.float32))
    forehead = plane.around(_OVER_BROWS) > 0.5
    return PhotoStats(
        lights=np.asarray(lights - lights.mean(), np.float32),
        exposure=float(np.median(tones)),
        burnt=float((tones > 247).mean()),
        sharpness=float(cv2.Laplacian(gray, cv2.CV_32F).std()),
        expression=_mouth_as_seen(expression_of(plane.mesh), gray, plane, float(np.median(tones))),
        aside=float(abs(np.mean([_gaze(gray, plane, eye) for eye in EYES]))),
        fringe=float((gray[forehead] < 0.75 * np.median(tones)).mean()) if forehead.any() else 0.0,
    )


def _mouth_as_seen(look: Expression, gray: Pixels, plane: BlendMask, skin: float) -> Expression:
    """Full lips that part a little over darkness are closed: no teeth are seen that a portrait could show."""
    inside = plane.polygon(INNER_MOUTH) > 0.5
    if look.mouth_open > _NARROW or not inside.any():
        return look
    bright = float(np.median(gray[inside]))
    return look if bright > min(_TEETH[0], _TEETH[1] * skin) else replace(look, mouth_open=0.0)


def _gaze(gray: Pixels, plane: BlendMask, lids: tuple[int, ...]) -> float:
    """Where the dark of the eye lies along its width: 0 = the middle, 0.5 = a corner, to the right positive."""
    rim = plane.mesh[list(lids), :2]
    left, right = rim[rim[:, 0].argmin()], rim[rim[:, 0].argmax()]
    inside = plane.polygon(lids) > 0.5
    rows, columns = np.nonzero(inside)
    if len(rows) < 8:
        return 0.0
    dark = np.clip(np.percentile(gray[inside], 60) - gray[inside].astype(np.float32), 0, None)
    across = (right - left) / max(float(((right - left) ** 2).sum()), 1e-6)
    along = (columns - left[0]) * across[0] + (rows - left[1]) * across[1]
    return float((along * dark).sum() / max(float(dark.sum()), 1e-6) - 0.5)


def _small(picture: Pixels, face: Face) -> tuple[Pixels, BlendMask]:
    """The face in grey, about 160 pixels high, with its mesh on it."""
    assert face.mesh is not None
    window = CropWindow.round_face(face.box, (picture.shape[1], picture.shape[0]), 1.1)
    part = window.cut(picture)
    ratio = _HEIGHT / max(face.box.height, 1.0)
    size = (max(8, round(part.shape[1] * ratio)), max(8, round(part.shape[0] * ratio)))
    gray = cv2.resize(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    return np.asarray(gray, np.uint8), BlendMask(shifted(face.mesh, window, ratio), size)
