"""Photos and templates for a first try, made from one public-domain portrait (NASA, Eileen Collins)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from easyphoto.demo.augment import CameraShot, take
from easyphoto.demo.synthetic_identity import SyntheticIdentity, as_identity
from easyphoto.domain import Box, Face, Pixels
from easyphoto.errors import NoFace
from easyphoto.faces.base import FaceToolbox
from easyphoto.faces.builtin.face_parsing import CropWindow
from easyphoto.faces.geometry import box_of, five_points
from easyphoto.images.opening import open_picture
from easyphoto.images.saving import save_picture

_ENLARGED = 3.0  # the portrait is 512 px; its face becomes about 320 px high
_PHOTO_SIZE = (960, 1200)

SHOTS = (
    CameraShot(),
    CameraShot(yaw=8, tilt=-5, frame=2.2, aside=(0.05, 0.2), exposure=1.15, warmth=0.4, noise=2.5),
    CameraShot(yaw=-9, tilt=6, frame=2.6, aside=(-0.15, 0.3), exposure=0.85, warmth=-0.4, noise=3.5, quality=85),
    CameraShot(pitch=6, tilt=2, frame=2.0, aside=(0.0, 0.1), side_light=0.5, warmth=0.8),
    CameraShot(yaw=5, pitch=-5, tilt=-9, frame=2.8, aside=(0.2, 0.4), exposure=0.7, warmth=0.6, noise=5, quality=82),
    CameraShot(yaw=-5, pitch=4, tilt=11, frame=2.3, exposure=1.25, side_light=-0.6, quality=88),
    CameraShot(yaw=12, frame=2.5, aside=(-0.1, 0.15), side_light=-0.3, warmth=-0.8, noise=3),
    CameraShot(yaw=-12, pitch=-3, tilt=-3, frame=2.1, exposure=0.95, side_light=0.3, blur=0.8, noise=2.5, quality=80),
)
"""The eight selfies."""

STRANGERS = {
    "broad": SyntheticIdentity(
        {
            "jaw_width": 0.013, "cheek_width": 0.026, "chin_length": 0.021, "chin_width": -0.18, "nose_length": -0.009,
            "nose_width": 0.10, "bridge_width": -0.24, "mouth_width": -0.13, "mouth_height": -0.016,
            "lip_fullness": -0.21, "eye_spacing": -0.028, "eye_height": -0.004, "eye_width": -0.07,
            "eye_opening": -0.19, "eye_slant": -0.024, "brow_height": -0.023, "brow_slant": -0.012,
        },
        skin=(-5, 2, 5), hair=(0.5, 3, -6), brows=0.85, lips=(-3, 2),
    ),
    "bright": SyntheticIdentity(
        {
            "jaw_width": -0.027, "cheek_width": 0.017, "chin_length": 0.027, "chin_width": 0.05, "nose_length": -0.021,
            "nose_width": 0.12, "bridge_width": -0.13, "mouth_width": 0.12, "mouth_height": 0.018,
            "lip_fullness": 0.09, "eye_spacing": -0.026, "eye_height": -0.004, "eye_width": 0.06,
            "eye_opening": -0.19, "eye_slant": 0.009, "brow_height": -0.028, "brow_slant": -0.019,
        },
        skin=(-4, 3, 3), hair=(0.62, 5, -4), brows=0.88, lips=(-4, 4),
    ),
    "fair": SyntheticIdentity(
        {
            "jaw_width": 0.012, "cheek_width": -0.012, "chin_length": 0.008, "chin_width": 0.05, "nose_length": 0.001,
            "nose_width": -0.25, "bridge_width": 0.28, "mouth_width": -0.27, "mouth_height": -0.031,
            "lip_fullness": -0.20, "eye_spacing": 0.007, "eye_height": -0.009, "eye_width": -0.20,
            "eye_opening": -0.14, "eye_slant": -0.006, "brow_height": -0.024, "brow_slant": -0.028,
        },
        skin=(2, 2, -3), hair=(0.8, 8, 3), brows=0.95, lips=(-3, 6),
    ),
    "slender": SyntheticIdentity(
        {
            "jaw_width": -0.018, "cheek_width": -0.022, "chin_length": -0.002, "chin_width": 0.09, "nose_length": 0.013,
            "nose_width": -0.21, "bridge_width": 0.08, "mouth_width": -0.27, "mouth_height": -0.022,
            "lip_fullness": -0.10, "eye_spacing": 0.028, "eye_height": -0.015, "eye_width": -0.015,
            "eye_opening": 0.22, "eye_slant": -0.014, "brow_height": -0.017, "brow_slant": -0.029,
        },
        skin=(1, 3, -1), hair=(0.92, 0, -11), brows=0.9, lips=(-4, 8),
    ),
}  # fmt: skip
"""Four people that never were; each is more than 0.55 (dlib L2) away from the portrait's."""


@dataclass(frozen=True)
class Samples:
    """Files of a first try."""

    photos: tuple[Path, ...]  # eight JPEGs of one person
    templates: tuple[Path, ...]  # two JPEGs of two other people


def make_samples(astronaut: Path, folder: Path, faces: FaceToolbox, seed: int = 0) -> Samples:
    """Writes ``photos/selfie_N.jpg`` and ``templates/NAME.jpg`` under `folder`; the same seed gives the same bytes.

    Raises NoFace where the toolbox finds no face with a mesh in the portrait.
    """
    portrait, face = _portrait(astronaut, faces)
    photos, templates = folder / "photos", folder / "templates"
    photos.mkdir(parents=True, exist_ok=True)
    made = []
    for number, shot in enumerate(SHOTS, start=1):
        file = photos / f"selfie_{number}.jpg"
        file.write_bytes(take(portrait, face, shot, _PHOTO_SIZE, np.random.default_rng([seed, number])))
        made.append(file)
    return Samples(tuple(made), make_templates(astronaut, templates, faces, ("broad", "slender")))


def make_templates(astronaut: Path, folder: Path, faces: FaceToolbox, names: tuple[str, ...]) -> tuple[Path, ...]:
    """Portraits of the named `STRANGERS` in the astronaut's suit, JPEG; raises as `make_samples` does."""
    portrait, face = _portrait(astronaut, faces)
    window = _frame(face, portrait)
    framed, inside = window.cut(portrait), _shifted(face, window)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name in names:
        file = folder / f"{name}.jpg"
        save_picture(Image.fromarray(as_identity(framed, inside, STRANGERS[name], faces)), file, ai_made=False)
        files.append(file)
    return tuple(files)


def _portrait(file: Path, faces: FaceToolbox) -> tuple[Pixels, Face]:
    """The portrait enlarged, and its face."""
    small = np.asarray(open_picture(file), np.uint8)
    portrait = faces.enhance(small, _ENLARGED)
    found = [face for face in faces.detect(portrait) if face.mesh is not None]
    if not found:
        raise NoFace("The sample portrait shows no face.", stage="samples", file=str(file))
    return portrait, max(found, key=lambda face: face.box.area)


def _frame(face: Face, portrait: Pixels) -> CropWindow:
    """Head and shoulders: four face heights high, 4 to 5."""
    (x, y), height = face.box.center, 4.0 * face.box.height
    width, top = 0.8 * height, y - 0.36 * height
    box = Box(x - width / 2, top, x + width / 2, top + height)
    return CropWindow.round_face(box, (portrait.shape[1], portrait.shape[0]), 1.0)


def _shifted(face: Face, window: CropWindow) -> Face:
    """The face as it lies in the window's part."""
    assert face.mesh is not None
    mesh = face.mesh - np.array([window.left, window.top, 0], np.float32)
    return replace(face, mesh=mesh, points=five_points(mesh), box=box_of(mesh))
