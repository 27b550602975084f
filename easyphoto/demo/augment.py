"""A virtual camera: one portrait seen from other places, in other light, with a camera's faults."""

from __future__ import annotations

import io
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from easyphoto.domain import Face, Floats, Pixels, Pose
from easyphoto.faces.fusion.face_shape import between
from easyphoto.faces.fusion.mesh_warp import warp_face
from easyphoto.faces.geometry import rotation_of

_EARS = (234, 454, 127, 356, 132, 361)  # mesh points beside them


@dataclass(frozen=True)
class CameraShot:
    """How one picture is taken; angles in degrees."""

    yaw: float = 0.0  # the head's turn against the portrait
    pitch: float = 0.0
    tilt: float = 0.0  # of the camera
    frame: float = 2.4  # picture width in face heights
    aside: tuple[float, float] = (0.0, 0.25)  # the frame's centre against the face's, in face heights
    exposure: float = 1.0  # gain in linear light
    warmth: float = 0.0  # -1 blue .. 1 amber
    side_light: float = 0.0  # -1 from the picture's left .. 1 from its right
    noise: float = 2.0  # standard deviation in 8-bit steps
    blur: float = 0.0  # pixels
    quality: int = 90  # of the JPEG


def take(portrait: Pixels, face: Face, shot: CameraShot, size: tuple[int, int], rng: np.random.Generator) -> bytes:
    """JPEG of `size` (width, height); `face` is the portrait's, with its mesh."""
    seen = _framed(turned(portrait, face, shot), face, shot, size)
    lit = _lit(seen, shot)
    if shot.blur:
        lit = np.asarray(cv2.GaussianBlur(lit, (0, 0), shot.blur), np.float32)
    grain = cv2.GaussianBlur(rng.normal(0, 1, lit.shape).astype(np.float32), (0, 0), 0.6)
    noisy = 255 * lit + grain * np.float32(shot.noise / max(float(grain.std()), 1e-6))
    return _jpeg(np.rint(np.clip(noisy, 0, 255)).astype(np.uint8), shot.quality)


def turned(portrait: Pixels, face: Face, shot: CameraShot) -> Pixels:
    """The portrait with the head turned by the shot's yaw and pitch through its 3-D mesh."""
    assert face.mesh is not None
    if not (shot.yaw or shot.pitch):
        return portrait
    ears = face.mesh[list(_EARS)].mean(0)  # they stay in place, so that hair and ears beside the face do not fold
    turn = rotation_of(Pose(shot.yaw, shot.pitch, 0.0))
    goal = np.asarray((face.mesh - ears) @ turn.T + ears, np.float32)
    return warp_face(portrait, face.mesh, between(face.mesh, goal, 0.6, 1.0), 2.0)[0]


def _framed(portrait: Pixels, face: Face, shot: CameraShot, size: tuple[int, int]) -> Pixels:
    """The part that the camera sees."""
    height = face.box.height
    x, y = (middle + share * height for middle, share in zip(face.box.center, shot.aside, strict=True))
    scale, tilt = size[0] / (shot.frame * height), np.deg2rad(abs(shot.tilt))
    y = max(y, (size[1] * np.cos(tilt) + size[0] * np.sin(tilt)) / 2 / scale)  # nothing above the portrait is seen
    turn = cv2.getRotationMatrix2D((x, y), shot.tilt, scale)
    turn[:, 2] += np.array(size) / 2 - np.array([x, y])
    seen = cv2.warpAffine(portrait, turn, size, flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, np.uint8)


def _lit(seen: Pixels, shot: CameraShot) -> Floats:
    """Exposure, white balance and a lamp from one side, in linear light; 0..1."""
    linear = (seen.astype(np.float32) / 255) ** 2.2
    across = np.linspace(-1, 1, seen.shape[1], dtype=np.float32)[None, :, None]
    lamp = np.exp(np.float32(0.8 * shot.side_light) * across)
    cast = np.exp(np.float32(0.12 * shot.warmth) * np.array([1, 0, -1], np.float32))
    light = linear * np.float32(shot.exposure) * lamp * cast
    shouldered = 1.15 * light / (1 + 0.15 * light)  # film-like: highlights near white are pressed, not cut
    return np.asarray(np.clip(shouldered, 0, 1) ** (1 / 2.2), np.float32)


def _jpeg(pixels: Pixels, quality: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return out.getvalue()
