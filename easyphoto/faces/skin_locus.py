"""Colors that skin has in neutral light, and a person's tone over several photos.

Tones are (3,) float32 CIE L*a*b* (D65).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from easyphoto.domain import Floats

HUE = 50.0  # degrees, of skin in neutral light (Xiao et al., 2017)
HUE_SPREAD = 5.0  # degrees by which people's differ from it
_CAST = 20.0  # degrees of a cast beyond them over which a photo's hue tells e times less
LEAST_CHROMA = ((28.0, 40.0, 50.0, 66.0), (12.0, 15.0, 19.0, 15.0))  # by L*: skin of less looks like ash
MOST_CHROMA = ((28.0, 40.0, 50.0, 66.0, 76.0), (22.0, 26.0, 28.0, 25.0, 21.0))  # by L*: more is the photo's cast
LIGHTNESS = (29.0, 76.0)  # L*; a cheek above it was lit by a flash, one below it by nothing


def usual_tone(tones: Sequence[Floats]) -> Floats | None:
    """The median of a person's tones over their photos, robust against one flash or one dark room, made plausible."""
    return plausible(np.asarray(np.median(np.stack(tones), axis=0), np.float32)) if tones else None


def plausible(tone: Floats) -> Floats:
    """`tone` with the lightness, hue and chroma that such skin likely has in neutral light.

    What departs in hue and chroma is the photo's white balance, in lightness its exposure.
    """
    lightness, chroma, hue = lab_to_lch(tone)
    lightness = float(np.clip(lightness, *LIGHTNESS))
    least, most = (float(np.interp(lightness, *table)) for table in (LEAST_CHROMA, MOST_CHROMA))
    return lch_to_lab(lightness, min(max(chroma, least), most), likely_hue(hue))


def likely_hue(hue: float) -> float:
    """Of skin that a photo shows with `hue`, in degrees: the same within `HUE_SPREAD` of the usual.

    Beyond it the further off the nearer to the usual: a violet flash tells nothing of the skin under it, and skin at
    the rim of what there is would be redder or yellower than nearly everybody's.
    """
    off = (hue - HUE + 180) % 360 - 180
    beyond = max(0.0, abs(off) - HUE_SPREAD)
    return HUE + float(np.clip(off, -HUE_SPREAD, HUE_SPREAD)) * float(np.exp(-beyond / _CAST))


def lab_to_lch(tone: Floats) -> tuple[float, float, float]:
    """Lightness, chroma, and hue in degrees."""
    return float(tone[0]), float(np.hypot(tone[1], tone[2])), float(np.degrees(np.arctan2(tone[2], tone[1])))


def lch_to_lab(lightness: float, chroma: float, hue: float) -> Floats:
    """The tone of that lightness, chroma, and hue in degrees."""
    turn = np.radians(hue)
    return np.array([lightness, chroma * np.cos(turn), chroma * np.sin(turn)], np.float32)
