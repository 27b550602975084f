"""The template's stubble taken off where a shaven person's face does not cover it: the jaw's rim, under the chin."""

from __future__ import annotations

import cv2
import numpy as np

from builtin_model.mesh_indices import LIPS, OVAL
from easyphoto.domain import Floats, Pixels
from easyphoto.faces.builtin.face_parsing import hull
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.faces.fusion.relight import soft_light
from easyphoto.faces.fusion.texture import fine_texture
from easyphoto.faces.geometry import CHIN, FOREHEAD, MOUTH_LEFT, MOUTH_RIGHT

_ROUGHER, _DARKER = 3.0, 0.85  # fine contrast and brightness of the jaw, in the cheeks', from which it is stubble
_RIM = (0.02, 0.09)  # face heights inside the oval between which the jaw is looked at
_UNDER = 0.045  # face heights under the oval that are shaved, too
_TURNED = 0.94  # brightness of a jaw in the cheeks', which face the light
_KEPT = 0.12  # of the fine contrast
_SPECK = 0.25  # bound of that contrast, a share of the brightness
_NECK = 0.26  # face heights under the chin down to which stubble grows, fading
_NECK_SHADE = 0.72  # brightness of a shaven neck in the shadow of the chin, in the cheeks'
_NECK_HUE, _NECK_CHROMA = 30.0, 0.3  # degrees from the cheeks' hue, and chroma in theirs: collars and hair are no neck


def is_stubbly(plane: BlendMask, picture: Floats) -> bool:
    """Whether the jaw of a face (RGB 0..255) is rougher and darker than its cheeks; long beards are rather smooth."""
    oval, cheeks = plane.polygon(OVAL), plane.cheeks() > 0.5
    rim = (plane.grow(oval, -_RIM[0]) > 0.5) & (plane.grow(oval, -_RIM[1]) < 0.5) & (_lower(plane) > 0.5)
    if not rim.any() or not cheeks.any():
        return False
    fine, low = fine_texture(picture, plane.height)
    rougher = float(np.abs(fine[rim]).mean()) > _ROUGHER * float(np.abs(fine[cheeks]).mean())
    return rougher and float(np.median(low[rim])) < _DARKER * float(np.median(low[cheeks]))


def shaved(plane: BlendMask, picture: Pixels) -> tuple[Pixels, Floats]:
    """(`picture` with a smooth jaw and the color of the cheeks over the dark of jaw and neck, share of it).

    The share is H x W, 0..1.
    """
    base = picture.astype(np.float32)
    cheeks = soft_light(base, plane.cheeks(), 0.2 * plane.height)
    low = cv2.GaussianBlur(base, (0, 0), max(0.8, 0.012 * plane.height))
    alike = _alike(low, cheeks)
    jaw, neck = _jaw(plane), _neck(plane, alike)
    shade = _NECK_SHADE + (_TURNED - _NECK_SHADE) * jaw
    skin = cheeks * shade[..., None]
    dark = np.clip((skin.mean(-1) - low.mean(-1)) / np.maximum(0.15 * skin.mean(-1), 1), 0, 1)
    share = np.asarray(plane.soft(np.maximum(jaw, neck) * dark.astype(np.float32), 0.008), np.float32)[..., None]
    # Lit skin between the hairs would stay as specks: it stands out most where the hair is dark.
    smooth = skin * (1 + _KEPT * np.clip((base - low) / np.maximum(low, 12), -_SPECK, _SPECK))
    mouth = plane.grow(plane.around(LIPS), 0.02)
    rough = np.asarray(plane.soft(jaw * alike * (1 - mouth), 0.008), np.float32)[..., None]
    base = base - (1 - _KEPT) * rough * (base - low)
    mixed = np.clip(base + (smooth - base) * share, 0, 255)
    return np.asarray(np.rint(mixed), np.uint8), np.maximum(share, rough)[..., 0]


def _alike(low: Floats, cheeks: Floats) -> Floats:
    """H x W, 0 or 1: what has the hue of the cheeks, however dark."""
    lab, usual = (cv2.cvtColor(one / np.float32(255), cv2.COLOR_RGB2LAB) for one in (low, cheeks))
    hue, its_hue = (np.degrees(np.arctan2(one[..., 2], one[..., 1])) for one in (lab, usual))
    chroma, its_chroma = (np.hypot(one[..., 1], one[..., 2]) for one in (lab, usual))
    shadow = lab[..., 0] / np.maximum(usual[..., 0], 1)  # colors fade with the light
    near = (np.abs(hue - its_hue) < _NECK_HUE) & (chroma > _NECK_CHROMA * its_chroma * shadow)
    return np.asarray(near, np.float32)


def _neck(plane: BlendMask, alike: Floats) -> Floats:
    """H x W, 0..1: what lies under the jaw and is `alike` skin."""
    down = (plane.mesh[CHIN, :2] - plane.mesh[FOREHEAD, :2]) * np.float32(_NECK)
    rim = plane.mesh[list(OVAL), :2]
    where = plane.polygon(np.asarray(hull(np.concatenate([rim, rim + down])), np.float32)) * _lower(plane)
    fade = 1 - plane.along(plane.mesh[CHIN, :2] + down * np.float32(0.65), 0.6 * _NECK)
    return plane.soft(where * fade * alike, 0.012)


def _lower(plane: BlendMask) -> Floats:
    """1 from the corners of the mouth down."""
    return plane.along(plane.mesh[[MOUTH_LEFT, MOUTH_RIGHT], :2].mean(0), 0.05)


def _jaw(plane: BlendMask) -> Floats:
    """The lower face without the lips, and what lies right under it."""
    down = (plane.mesh[CHIN, :2] - plane.mesh[FOREHEAD, :2]) * np.float32(_UNDER)
    rim = plane.mesh[list(OVAL), :2]
    whole = np.maximum(plane.polygon(rim), plane.polygon(np.asarray(rim + down, np.float32)))
    cheeks_down = plane.along(plane.mesh[2, :2], 0.2)
    return plane.soft(whole * cheeks_down * (1 - plane.grow(plane.polygon(LIPS), 0.02)), 0.01)
