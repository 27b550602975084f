"""A face turned into somebody else's by moving its features and changing its colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from builtin_model.mesh_indices import BROWS, LIPS, OVAL
from easyphoto.domain import Face, Floats, Pixels
from easyphoto.faces.base import FaceToolbox
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.face_shape import frontal
from easyphoto.faces.fusion.mesh_warp import warp_face
from easyphoto.faces.fusion.relight import skin_share
from easyphoto.faces.geometry import CHIN, FOREHEAD, box_of, five_points, mesh_axes


@dataclass(frozen=True)
class Slider:
    """A smooth change of the mesh about some of its points, seen from the front; lengths in face heights.

    Near each centre, points are pushed along `push` and moved away from the centre by `swell`
    (x, y); on the right half of the face x is mirrored.
    """

    centers: tuple[int, ...]
    radius: float
    push: tuple[float, float] = (0.0, 0.0)
    swell: tuple[float, float] = (0.0, 0.0)


# fmt: off
SLIDERS: dict[str, Slider] = {
    "jaw_width": Slider((172, 397), 0.28, push=(-1, 0)),
    "cheek_width": Slider((93, 323), 0.25, push=(-1, 0)),
    "chin_length": Slider((152,), 0.25, push=(0, 1)),
    "chin_width": Slider((152,), 0.22, swell=(1, 0)),
    "nose_length": Slider((4,), 0.14, push=(0, 1)),
    "nose_width": Slider((2,), 0.12, swell=(1, 0)),
    "bridge_width": Slider((6,), 0.12, swell=(1, 0)),
    "mouth_width": Slider((13,), 0.20, swell=(1, 0)),
    "mouth_height": Slider((13,), 0.16, push=(0, 1)),
    "lip_fullness": Slider((13,), 0.14, swell=(0, 1)),
    "eye_spacing": Slider((159, 386), 0.14, push=(-1, 0)),
    "eye_height": Slider((159, 386), 0.16, push=(0, 1)),
    "eye_width": Slider((159, 386), 0.13, swell=(1, 0)),
    "eye_opening": Slider((159, 386), 0.11, swell=(0, 1)),
    "eye_slant": Slider((33, 263), 0.10, push=(0, -1)),
    "brow_height": Slider((105, 334), 0.16, push=(0, -1)),
    "brow_slant": Slider((70, 300), 0.12, push=(0, -1)),
}
# fmt: on

_MOUTH = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)


@dataclass(frozen=True)
class SyntheticIdentity:
    """Who the face becomes."""

    sliders: Mapping[str, float] = field(default_factory=dict)  # amounts, about -0.1..0.1 (swell: -0.4..0.4)
    skin: tuple[float, float, float] = (0.0, 0.0, 0.0)  # added to L, a, b
    hair: tuple[float, float, float] = (1.0, 0.0, 0.0)  # gain of L, added to a, b
    brows: float = 1.0  # gain of L
    lips: tuple[float, float] = (0.0, 0.0)  # added to L, a
    shadow: float = 0.0  # beard shadow, 0..1


def as_identity(picture: Pixels, face: Face, stranger: SyntheticIdentity, faces: FaceToolbox) -> Pixels:
    """The picture with another face in it, its surroundings giving way; `face` has a mesh."""
    assert face.mesh is not None
    goal = morphed(face.mesh, stranger.sliders)
    bent = warp_face(picture, face.mesh, goal, 1.9)[0]
    moved = replace(face, mesh=goal, points=five_points(goal), box=box_of(goal))
    return _colored(bent, moved, stranger, faces)


def morphed(mesh: Floats, amounts: Mapping[str, float]) -> Floats:
    """The (468, 3) mesh with the named sliders moved; its pose stays. Raises KeyError for an unknown slider."""
    flat = frontal(mesh)
    change = np.zeros_like(flat)
    for name, amount in amounts.items():
        change[:, :2] += np.float32(amount) * _offsets(flat[:, :2], SLIDERS[name])
    height = np.linalg.norm(mesh[CHIN] - mesh[FOREHEAD])
    return np.asarray(mesh + change @ mesh_axes(mesh).T * height, np.float32)


def _offsets(flat: Floats, slider: Slider) -> Floats:
    """(468, 2) offsets for amount 1."""
    total = np.zeros_like(flat)
    for center in slider.centers:
        away = flat - flat[center]
        near = np.exp(-((away / slider.radius) ** 2).sum(1, keepdims=True))
        side = -1.0 if len(slider.centers) > 1 and flat[center, 0] > 0 else 1.0
        total += near * (away * slider.swell + np.array(slider.push) * [side, 1.0])
    return total


# ---------------------------------------------------------------- colours


def _colored(picture: Pixels, face: Face, stranger: SyntheticIdentity, faces: FaceToolbox) -> Pixels:
    """Other skin, hair, brows and lips, in LAB."""
    assert face.mesh is not None
    plane = BlendMask(face.mesh, (picture.shape[1], picture.shape[0]))
    regions = faces.regions(picture, face)
    lab = np.asarray(cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    lips = plane.soft(plane.polygon(LIPS) * (1 - plane.grow(plane.polygon(_MOUTH), 0.008)), 0.006)[..., None]
    flesh = np.maximum(np.maximum(regions.skin / np.float32(255), lips[..., 0]), _throat(plane, picture))[..., None]
    lab += flesh * np.array(stranger.skin, np.float32) * lab[..., :1] / 75  # less where it is dark already
    lab += lips * np.array([stranger.lips[0], stranger.lips[1], 0], np.float32)
    hair = _hair(plane, regions.face, regions.skin, faces.matte(picture))[..., None]
    gain, red, yellow = stranger.hair
    lab = lab * (1 - hair) + hair * (lab * np.array([gain, 1, 1], np.float32) + np.array([0, red, yellow], np.float32))
    lab[..., 0] *= 1 - (1 - stranger.brows) * _brows(plane)
    lab -= stranger.shadow * _beard(plane)[..., None] * np.array([22, 4, 8], np.float32)
    rgb = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB)
    return np.asarray(np.rint(np.clip(rgb, 0, 1) * 255), np.uint8)


def _throat(plane: BlendMask, picture: Pixels) -> Floats:
    """Skin close under the chin."""
    rim = plane.mesh[list(OVAL), :2]
    down = (plane.mesh[CHIN, :2] - plane.mesh[FOREHEAD, :2]) * np.float32(0.25)
    near = plane.polygon(rim + down) * plane.below_mouth_line()
    return plane.soft(near * skin_share(picture.astype(np.float32), plane.cheeks(), plane.height), 0.012)


def _brows(plane: BlendMask) -> Floats:
    """Where brow hair grows, 0..1."""
    return plane.soft(np.maximum(*(plane.around(brow) for brow in BROWS)), 0.012)


def _beard(plane: BlendMask) -> Floats:
    """Where a shaved beard shows: jaw, chin and upper lip, without the lips."""
    lower = plane.soft(plane.grow(plane.polygon(OVAL), -0.02), 0.04) * plane.soft(plane.below_mouth_line(), 0.03)
    return np.asarray(lower * (1 - plane.soft(plane.grow(plane.polygon(LIPS), 0.01), 0.012)), np.float32)


def _hair(plane: BlendMask, face: Pixels, skin: Pixels, person: Pixels) -> Floats:
    """The person about the head that is neither face nor skin, above the chin."""
    rim = plane.mesh[list(OVAL), :2]
    top, chin = plane.mesh[FOREHEAD, :2], plane.mesh[CHIN, :2]
    head = rim.mean(0) + (rim - rim.mean(0)) * np.float32(1.75) + (top - chin) * np.float32(0.12)
    above = 1 - plane.along(chin - (chin - top) * np.float32(0.1), 0.15)
    brow = plane.mesh[[70, 300], :2].mean(0)
    inner = face / np.float32(255) * plane.along(brow - (chin - top) * np.float32(0.04), 0.03)
    other = person / np.float32(255) * (1 - np.maximum(skin / np.float32(255), np.maximum(inner, plane.features())))
    return np.asarray(plane.soft(plane.polygon(head) * above * other, 0.012), np.float32)
