"""How well a face of a template fits a person's photos, told before anything is generated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from easyphoto.faces.fusion.fit import FAR_POSE, TOO_FAR_POSE
from easyphoto.faces.geometry import pose_gap
from easyphoto.faces.traits import FaceTraits
from easyphoto.locales import Message, message

SMALL_SHARE = 0.8  # of the template's face width under which the widest face of the photos looks soft in it
OTHER_LIGHT = 0.22  # mean difference of log lightness over the face in the photo that is lit most alike


class FitLevel(str, Enum):
    """How well, best first."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"  # no portrait comes of it


@dataclass(frozen=True)
class TemplateFit:
    """What is to be expected of one face of a template."""

    level: FitLevel
    reasons: tuple[Message, ...] = ()
    face_px: float = 0.0  # width of the template's face


def fit_of(template: FaceTraits, photos: Sequence[FaceTraits]) -> TemplateFit:
    """Of a template's face and the faces of at least one photo of the person.

    That all photos are small is a reason, but does not lower the level: it speaks against every template.
    """
    nearest = min(pose_gap(photo.pose, template.pose) for photo in photos)
    if nearest > TOO_FAR_POSE:
        return TemplateFit(FitLevel.POOR, (message("portrait.fit.too-far", degrees=nearest),), template.pixels)
    reasons = tuple(_reasons(template, photos, nearest))
    level = FitLevel.FAIR if reasons else FitLevel.GOOD
    return TemplateFit(level, (*reasons, *_softness(template, photos)), template.pixels)


def _reasons(template: FaceTraits, photos: Sequence[FaceTraits], nearest: float) -> Iterator[Message]:
    near = [photo for photo in photos if pose_gap(photo.pose, template.pose) <= FAR_POSE] or list(photos)
    rules = (
        (nearest > FAR_POSE, message("portrait.fit.turned", degrees=nearest)),
        (template.glasses, message("portrait.fit.template-glasses")),
        (not template.glasses and all(photo.glasses for photo in photos), message("portrait.fit.photo-glasses")),
        (template.mouth_open and not any(p.mouth_open for p in near), message("portrait.fit.template-laughs")),
        (not template.mouth_open and all(p.mouth_open for p in near), message("portrait.fit.person-laughs")),
        (template.gray, message("portrait.fit.gray-template")),
        (not template.gray and all(photo.gray for photo in photos), message("portrait.fit.gray-photos")),
        (_other_light(template, near), message("portrait.fit.other-light")),
    )
    return (reason for holds, reason in rules if holds)


def _softness(template: FaceTraits, photos: Sequence[FaceTraits]) -> tuple[Message, ...]:
    widest = max(photo.pixels for photo in photos)
    if widest >= SMALL_SHARE * template.pixels:
        return ()
    return (message("portrait.fit.small-photo", photo=widest, template=template.pixels),)


def _other_light(template: FaceTraits, photos: Sequence[FaceTraits]) -> bool:
    if template.lights is None:
        return False
    gaps = [float(np.abs(p.lights - template.lights).mean()) for p in photos if p.lights is not None]
    return bool(gaps) and min(gaps) > OTHER_LIGHT
