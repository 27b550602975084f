"""How good a portrait looks, whoever it shows: named faults measured on the picture, and one number of them.

The weights were fitted to portraits graded by eye, see ``benchmarks/fit_quality.py``. Likeness is no part of it.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import cv2
import numpy as np

from builtin_model.mesh_indices import EYES, NOSE, OVAL
from easyphoto.domain import Floats, Pixels, Quality, QualityParts
from easyphoto.faces.base import PhotoFit
from easyphoto.faces.builtin.face_parsing import CropWindow
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.expression import expression_gap, expression_of
from easyphoto.faces.fusion.face_crop import shifted
from easyphoto.faces.geometry import box_of, pose_from_mesh, pose_gap

_HEIGHT = 256  # pixels of a face when it is measured
_ROOM = 1.7  # of the window in face boxes: forehead, ears and the upper neck are in it
_SHUT = 0.26  # lid gap in eye widths under which eyes count as half closed


@dataclass(frozen=True, eq=False)
class Repainted:
    """A face before and after, in one picture's pixels."""

    template: Pixels  # RGB
    picture: Pixels  # RGB of the same size
    template_mesh: Floats  # (468, 3) of the template's face
    mesh: Floats  # (468, 3) of the face as it was found in `picture`
    mask: Pixels  # uint8 H x W, 255 where the person's face was laid in


def quality_of(face: Repainted, fit: PhotoFit | None = None) -> Quality:
    """Of one face: 1 without any fault, less by the weighted faults, never under 0."""
    parts = parts_of(face, fit)
    return Quality(value_of(parts), parts)


def value_of(parts: QualityParts) -> float:
    """Fitted so that a viewer grades a portrait about 1 + 4 times this number; no graded portrait was without fault."""
    faults = zip(astuple(WEIGHTS), astuple(parts), strict=True)
    return float(np.clip(FLAWLESS - sum(weight * felt(part) for weight, part in faults), 0, 1))


def felt(part: float) -> float:
    """How much a fault counts: less and less for each more of it, and no more from `MOST` on."""
    return float(np.log1p(3 * min(part, MOST)))


QUALITY_WEIGHT = 0.15
"""L2 of the recognizer that a whole unit of quality weighs where one of several portraits is chosen."""
MOST = 3.0
FLAWLESS = 0.784
WEIGHTS = QualityParts(
    edge_step=0.025,
    color_step=0.121,
    flat_light=0.145,
    softness=0.025,
    harshness=0.047,
    patches=0.146,
    doubled_edges=0.115,
    expression_gap=0.025,
    closed_eyes=0.025,
    pose_gap=0.066,
)


def parts_of(face: Repainted, fit: PhotoFit | None = None) -> QualityParts:
    """The faults of one face, each 0 where there is none and about 1 where it is plain to see."""
    before, after, plane, mask = _small(face)
    was, now = (cv2.cvtColor(one.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB) for one in (before, after))
    skin = (plane.skin_field() > 0.5) & (mask > 0.6)
    own, wanted = expression_of(face.mesh), expression_of(face.template_mesh)
    gap = fit.pose_gap if fit else pose_gap(pose_from_mesh(face.mesh), pose_from_mesh(face.template_mesh))
    eyes = fit.eyes_open if fit else own.eyes_open
    usual, sharp = (_detail(one, skin) for one in (was, now))
    return QualityParts(
        edge_step=_edge_step(now, was, mask) / 6,
        color_step=_color_step(now, was, plane, mask) / 12,
        flat_light=max(0.0, 1 - _shading(now, skin) / _shading(was, skin)),
        softness=max(0.0, float(np.log2(usual / sharp))) / 2,
        harshness=max(0.0, float(np.log2(sharp / usual))) / 2,
        patches=_patches(now, plane, skin),
        doubled_edges=_stray_lines(now, was, plane, skin),
        expression_gap=expression_gap(own, wanted) / 2,
        closed_eyes=max(0.0, _SHUT - eyes) / 0.05,
        pose_gap=max(0.0, gap - 5) / 20,
    )


def _small(face: Repainted) -> tuple[Pixels, Pixels, BlendMask, Floats]:
    """Both pictures round the face at one scale, the face's mesh and the mask in them."""
    size = (face.picture.shape[1], face.picture.shape[0])
    window = CropWindow.round_face(box_of(face.mesh), size, _ROOM)
    height = BlendMask(face.mesh, (1, 1)).height
    ratio = _HEIGHT / max(height, 1.0)
    part = window.cut(face.picture)
    small = (max(16, round(part.shape[1] * ratio)), max(16, round(part.shape[0] * ratio)))
    kind = cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC
    before, after, mask = (
        cv2.resize(window.cut(one), small, interpolation=kind) for one in (face.template, face.picture, face.mask)
    )
    plane = BlendMask(shifted(face.mesh, window, ratio), small)
    return np.asarray(before), np.asarray(after), plane, np.asarray(mask, np.float32) / np.float32(255)


def _detail(lab: Floats, skin: np.ndarray) -> float:
    """Mean fine contrast of skin, in LAB lightness."""
    fine = np.abs(lab[..., 0] - cv2.GaussianBlur(lab[..., 0], (0, 0), 1.5))
    return max(float(fine[skin].mean()) if skin.any() else 0.1, 0.1)


def _shading(lab: Floats, skin: np.ndarray) -> float:
    """Spread of the light over skin, in LAB lightness."""
    broad = cv2.GaussianBlur(lab[..., 0], (0, 0), 12)
    return max(float(broad[skin].std()) if skin.any() else 1.0, 0.5)


def _stray_lines(after: Floats, before: Floats, plane: BlendMask, skin: np.ndarray) -> float:
    """Dark lines on plain skin above the mouth, where no beard grows: second outlines, smears, torn hair.

    What the template shows there itself, as the frame of its glasses, is none.
    """
    plain = skin & (plane.below_mouth_line() < 0.5)
    if not plain.any():
        return 0.0
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (15, 15))
    now, was = (cv2.morphologyEx(lab[..., 0], cv2.MORPH_BLACKHAT, disc) for lab in (after, before))
    own = np.maximum(now - np.where(cv2.dilate(was, disc) > 12, np.inf, 0), 0)
    return max(0.0, float(np.maximum(own[plain] - 3, 0).mean()) - 0.3)


def _patches(lab: Floats, plane: BlendMask, skin: np.ndarray) -> float:
    """How far the color (a, b) of the lids, the nose or a fifth of the skin is from the usual, beyond blush."""
    if not skin.any():
        return 0.0
    color = cv2.GaussianBlur(lab[..., 1:], (0, 0), 2.0)
    far = np.linalg.norm(color - np.median(color[skin], axis=0), axis=-1)
    eyes = np.maximum(*(plane.polygon(eye) for eye in EYES))
    places = (skin, (plane.grow(eyes, 0.05) > 0.5) & (eyes < 0.5), plane.around(NOSE) > 0.5)
    return max(0.0, max(float(np.percentile(far[place], 80)) for place in places if place.any()) - 4) / 10


def _edge_step(after: Floats, before: Floats, mask: Floats) -> float:
    """Color difference across the mask's edge beyond the template's own, averaged over the worse half of the edge."""
    inside, outside = ((mask > 0.75), (mask < 0.1))
    edge = (cv2.dilate(inside.astype(np.uint8), np.ones((13, 13))) > 0) & (
        cv2.dilate(outside.astype(np.uint8), np.ones((13, 13))) > 0
    )
    if not edge.any():
        return 0.0
    steps = []
    for lab in (after, before):
        sides = []
        for part in (inside, outside):
            weight = part.astype(np.float32)
            total = cv2.GaussianBlur(weight, (0, 0), 5.0)[..., None]
            sides.append(cv2.GaussianBlur(lab * weight[..., None], (0, 0), 5.0) / np.maximum(total, 1e-3))
        steps.append(np.linalg.norm(sides[0] - sides[1], axis=-1))
    more = np.maximum(steps[0] - steps[1], 0)[edge]
    return float(np.sort(more)[len(more) // 2 :].mean())


def _color_step(after: Floats, before: Floats, plane: BlendMask, mask: Floats) -> float:
    """Median color of the cheeks and chin against that of forehead and neck, beyond the template's own difference."""
    face = (plane.skin_field() > 0.5) & (mask > 0.8)
    near = plane.grow(plane.polygon(OVAL), 0.12) > 0.5
    beyond = near & (mask < 0.05)
    if face.sum() < 50 or beyond.sum() < 50:
        return 0.0
    usual = np.median(before[face], axis=0)
    around = beyond & (np.linalg.norm((before - usual) * np.array([0.5, 1, 1], np.float32), axis=-1) < 14)
    if around.sum() < 50:
        return 0.0
    steps = [np.median(lab[face], axis=0) - np.median(lab[around], axis=0) for lab in (after, before)]
    return float(np.linalg.norm(steps[0] - steps[1]))
