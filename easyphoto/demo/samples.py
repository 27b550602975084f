"""Pictures of a first try: photos made from one public-domain portrait (NASA, Eileen Collins), shipped templates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from easyphoto.demo.augment import CameraShot, take
from easyphoto.domain import Face, Pixels
from easyphoto.errors import NoFace
from easyphoto.faces.base import FaceToolbox
from easyphoto.faces.skin_locus import lch_to_lab
from easyphoto.images.color import adapted
from easyphoto.images.opening import open_picture
from easyphoto.library.templates import SAMPLE_TEMPLATES
from easyphoto.paths import Paths

_ENLARGED = 3.0  # the portrait is 512 px; its face becomes about 320 px high
_PHOTO_SIZE = (960, 1200)
_SKIN = (21.0, 54.0)  # chroma, and hue in degrees: the scan is yellow (66 degrees), which selfies are not

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


@dataclass(frozen=True)
class Samples:
    """Files of a first try."""

    photos: tuple[Path, ...]  # eight JPEGs of one person
    templates: tuple[Path, ...]  # shipped pictures of other people


def make_samples(paths: Paths, folder: Path, faces: FaceToolbox, seed: int = 0) -> Samples:
    """Writes ``photos/selfie_N.jpg`` under `folder`; the same seed gives the same bytes.

    Raises NoFace where the toolbox finds no face with a mesh in the portrait.
    """
    portrait, face = _portrait(paths.samples / "astronaut.png", faces)
    photos = folder / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    made = []
    for number, shot in enumerate(SHOTS, start=1):
        file = photos / f"selfie_{number}.jpg"
        file.write_bytes(take(portrait, face, shot, _PHOTO_SIZE, np.random.default_rng([seed, number])))
        made.append(file)
    return Samples(tuple(made), tuple(paths.shipped_templates / name for name in SAMPLE_TEMPLATES))


def _portrait(file: Path, faces: FaceToolbox) -> tuple[Pixels, Face]:
    """The portrait enlarged, in neutral light, and its face."""
    small = np.asarray(open_picture(file), np.uint8)
    portrait = faces.sharpen(small, _ENLARGED)
    found = [face for face in faces.detect(portrait) if face.mesh is not None]
    if not found:
        raise NoFace("demo.no-face", stage="samples", file=str(file))
    face = max(found, key=lambda face: face.box.area)
    tone = faces.skin_tone(portrait, face)
    return portrait if tone is None else adapted(portrait, tone, lch_to_lab(float(tone[0]), *_SKIN)), face
