"""Colors that skin has in neutral light, and a person's tone over several photos.

Tones are (3,) float32 CIE L*a*b* (D65).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from easyphoto.domain import Floats

HUE = (46.0, 66.0)  # degrees; skin in neutral light lies inside (Xiao et al., 2017)
LEAST_CHROMA = ((28.0, 40.0, 50.0, 66.0), (12.0, 15.0, 19.0, 15.0))  # by L*: skin of less looks like ash
MOST_CHROMA = 30.0
LIGHTNESS = (29.0, 76.0)  # L*; a cheek above it was lit by a flash, one below it by nothing


def usual_tone(tones: Sequence[Floats]) -> Floats | None:
    """The median of a person's tones over their photos, robust against one flash or one dark room, made plausible."""
    return plausible(np.asarray(np.median(np.stack(tones), axis=0), np.float32)) if tones else None


def plausible(tone: Floats) -> Floats:
    """`tone` with the nearest lightness, hue and chroma that skin has in neutral light.

    What departs in hue and chroma is the photo's white balance, in lightness its exposure.
    """
    lightness, chroma, hue = lab_to_lch(tone)
    lightness = float(np.clip(lightness, *LIGHTNESS))
    least = float(np.interp(lightness, *LEAST_CHROMA))
    return lch_to_lab(lightness, float(np.clip(chroma, least, MOST_CHROMA)), float(np.clip(hue, *HUE)))


def lab_to_lch(tone: Floats) -> tuple[float, float, float]:
    """Lightness, chroma, and hue in degrees."""
    return float(tone[0]), float(np.hypot(tone[1], tone[2])), float(np.degrees(np.arctan2(tone[2], tone[1])))


def lch_to_lab(lightness: float, chroma: float, hue: float) -> Floats:
    """The tone of that lightness, chroma, and hue in degrees."""
    turn = np.radians(hue)
    return np.array([lightness, chroma * np.cos(turn), chroma * np.sin(turn)], np.float32)
