"""Fine skin texture (pores, grain) of a fused face brought to the template's level. Pictures are RGB 0..255."""

from __future__ import annotations

import cv2
import numpy as np

from builtin_model.mesh_indices import OVAL
from easyphoto.domain import Floats, Pixels
from easyphoto.faces.fusion.blend_mask import BlendMask
from easyphoto.images.masks import extent

_FINE = 0.006  # of the face's height: what is finer counts as texture
_EDGE = 3.0  # times the usual texture: what stands out more is a line or a hair, and stays as it is
_SHARE = 0.85  # of what is missing: the template's own finest lines would come along
_LEAST = 200  # pixels of skin by which a level is told
_DARK = 12.0  # gray levels; darker places would make every grain look large
_FINEST = 8.0  # gray levels: what working at a smaller size takes off skin is less, off an edge more


def with_texture_of(plane: BlendMask, lit: Floats, base: Floats, own_skin: Floats, their_skin: Floats) -> Floats:
    """`lit`, whose plain skin gets as much fine texture as that of `base`; both show the plane's face.

    Where it has less, the template's own pores and grain are laid on; where it has more (noise, compression), its
    own is lessened. `own_skin` and `their_skin` (H x W, 0..1) tell where the two show skin. Lightness only: the
    colors stay. Unchanged where either shows too little skin.
    """
    plain = plain_skin(plane)
    (own, low), (theirs, _) = fine_texture(lit, plane.height), fine_texture(base, plane.height)
    own_level, their_level = _levels(plane, (own, own_skin), (theirs, their_skin))
    if own_level is None or their_level is None:
        return lit
    if own_level >= their_level:
        flat = np.where(np.abs(own) < _EDGE * own_level, own, 0)
        change = (their_level / max(own_level, 1e-6) - 1) * flat * plain * own_skin
    else:
        missing = _SHARE * np.sqrt(their_level**2 - own_level**2) / their_level
        change = missing * np.clip(theirs, -_EDGE * their_level, _EDGE * their_level) * plain * their_skin
    return np.asarray(lit + (change * low)[..., None], np.float32)


def _levels(plane: BlendMask, *shown: tuple[Floats, Floats]) -> list[float | None]:
    """Of each (texture, skin): by the cheeks, free of creases, or all plain skin where one shows too little."""
    for where in (plane.cheeks(), plain_skin(plane)):
        found = [level(fine, where * skin) for fine, skin in shown]
        if None not in found:
            break
    return found


def with_finest_of(large: Pixels, face: Pixels, plane: BlendMask) -> Pixels:
    """The enlarged `face` with what enlarging cannot bring back on plain skin: the finest texture of `large`.

    `large` (H x W x 3) is the template's face with the same mesh; `plane` is that mesh at the size that both were
    worked on.
    """
    gray = cv2.cvtColor(large, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(gray, plane.size, interpolation=cv2.INTER_AREA)
    plain = cv2.resize(plain_skin(plane), gray.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    again = cv2.resize(small, gray.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    here, result = extent(plain), face.copy()
    finest = np.clip(gray[here].astype(np.float32) - again[here], -_FINEST, _FINEST) * plain[here]
    result[here] = cv2.add(face[here], cv2.merge([finest] * 3), dtype=cv2.CV_8U)
    return result


def plain_skin(plane: BlendMask) -> Floats:
    """H x W, 0..1: the oval without eyes, brows, nostrils and mouth, by the mesh alone."""
    return np.asarray(plane.polygon(OVAL) * (1 - plane.soft(plane.grow(plane.features(), 0.015), 0.01)), np.float32)


def fine_texture(picture: Floats, face_height: float) -> tuple[Floats, Floats]:
    """(what is finer than pores as a share of the brightness there, that brightness in gray levels), each H x W."""
    gray = picture.mean(-1)
    low = np.maximum(cv2.GaussianBlur(gray, (0, 0), max(0.8, _FINE * face_height)), np.float32(_DARK))
    return np.asarray((gray - low) / low, np.float32), np.asarray(low, np.float32)


def level(fine: Floats, where: Floats) -> float | None:
    """Usual size of the texture under the mask (robust standard deviation); None where too little is seen."""
    values = fine[where > 0.5]
    return None if len(values) < _LEAST else float(1.4826 * np.median(np.abs(values)))
