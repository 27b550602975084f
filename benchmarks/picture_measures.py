"""What can be measured on a portrait beside likeness: skin tone, face against neck, sharpness, expression.

Pictures are uint8 RGB, meshes float32 (468, 3) in their pixels.
"""

from __future__ import annotations

import cv2
import numpy as np

from easyphoto.domain import Floats, Pixels
from easyphoto.faces.builtin.face_parsing import OVAL, hull, paint
from easyphoto.faces.geometry import CHIN, FOREHEAD

_PATCHES = (
    (50, 101, 118, 117, 123, 187, 205, 36),
    (280, 330, 347, 346, 352, 411, 425, 266),
    (109, 10, 338, 337, 151, 108),
)  # cheeks and the middle of the forehead
ITA_GROUPS = ((55.0, "very light"), (41.0, "light"), (28.0, "intermediate"), (10.0, "tan"), (-30.0, "brown"))
"""Lower bounds in degrees (Chardon, Cretois and Hourseau 1991; Del Bino 2006); what is under the last is dark."""


def lab(picture: Pixels) -> Floats:
    """CIELAB D65, L 0..100."""
    return np.asarray(cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def skin_tone(picture: Pixels, mesh: Floats) -> Floats:
    """(3,) median LAB of cheeks and forehead between the 30th and 80th percentile of lightness."""
    size = (picture.shape[1], picture.shape[0])
    where = paint([hull(mesh[list(patch), :2]) for patch in _PATCHES], size) > 127
    rows = lab(picture)[where]
    low, high = np.percentile(rows[:, 0], [30, 80])
    return np.asarray(np.median(rows[(rows[:, 0] >= low) & (rows[:, 0] <= high)], axis=0), np.float32)


def ita(tone: Floats) -> float:
    """Individual typology angle in degrees."""
    return float(np.degrees(np.arctan2(tone[0] - 50, max(float(tone[2]), 1e-3))))


def ita_group(tone: Floats) -> str:
    """Name of the skin-tone group."""
    return next((name for least, name in ITA_GROUPS if ita(tone) > least), "dark")


def neck(mesh: Floats, skin: Pixels) -> np.ndarray:
    """Where the template's neck shows: its skin under the chin, within half a face height."""
    height = float(np.linalg.norm(mesh[CHIN, :2] - mesh[FOREHEAD, :2]))
    down = (mesh[CHIN, :2] - mesh[FOREHEAD, :2]) / max(height, 1e-6)
    x, y = np.meshgrid(np.arange(skin.shape[1]), np.arange(skin.shape[0]))
    offset = np.stack([x, y], -1) - mesh[CHIN, :2]
    along = offset @ down
    across = np.abs(offset @ np.array([down[1], -down[0]]))
    inside = cv2.dilate(paint([mesh[list(OVAL), :2].astype(np.float64)], skin.shape[1::-1]), _disc(0.06 * height)) > 0
    return (skin > 200) & ~inside & (along > 0.06 * height) & (along < 0.5 * height) & (across < 0.4 * height)


def neck_difference(picture: Pixels, mesh: Floats, where: np.ndarray) -> float | None:
    """CIEDE2000 of the face's tone to the neck's, both at the brighter half; None where no neck shows."""
    rows = lab(picture)[where]
    if len(rows) < 200:
        return None
    low, high = np.percentile(rows[:, 0], [30, 80])
    tone = np.median(rows[(rows[:, 0] >= low) & (rows[:, 0] <= high)], axis=0)
    return float(ciede2000(skin_tone(picture, mesh), np.asarray(tone, np.float32)))


def sharpness(picture: Pixels, mesh: Floats, height: int = 256) -> float:
    """Standard deviation of the Laplacian of the inner face, brought to one face height."""
    flat = mesh[:, :2]
    (left, top), (right, bottom) = flat.min(0), flat.max(0)
    part = picture[max(0, int(top)) : int(bottom) + 1, max(0, int(left)) : int(right) + 1]
    ratio = height / max(float(np.linalg.norm(flat[CHIN] - flat[FOREHEAD])), 1.0)
    kind = cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC
    gray = cv2.resize(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), None, fx=ratio, fy=ratio, interpolation=kind)
    outline = (flat[list(OVAL)] - [max(0, int(left)), max(0, int(top))]) * ratio
    middle = outline.mean(0)
    inner = paint([(middle + 0.75 * (outline - middle)).astype(np.float64)], gray.shape[1::-1]) > 127
    return float(cv2.Laplacian(gray, cv2.CV_32F)[inner].std())


def ciede2000(one: Floats, other: Floats) -> float:
    """Color difference of two LAB colors (Sharma, Wu and Dalal 2005), kL = kC = kH = 1."""
    (l1, a1, b1), (l2, a2, b2) = (np.asarray(v, np.float64) for v in (one, other))
    mean_c = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    step = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    mean_h = h1 + h2 if c1 * c2 == 0 else (h1 + step / 2) % 360
    mean_l, c = (l1 + l2) / 2, (c1 + c2) / 2
    turn = np.radians(mean_h)
    t = (
        1 - 0.17 * np.cos(turn - np.radians(30)) + 0.24 * np.cos(2 * turn)
        + 0.32 * np.cos(3 * turn + np.radians(6)) - 0.2 * np.cos(4 * turn - np.radians(63))
    )  # fmt: skip
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * c, 1 + 0.015 * c * t
    r_c = 2 * np.sqrt(c**7 / (c**7 + 25.0**7))
    r_t = -np.sin(np.radians(60 * np.exp(-(((mean_h - 275) / 25) ** 2)))) * r_c
    d_l, d_c = (l2 - l1) / s_l, (c2 - c1) / s_c
    d_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(step / 2)) / s_h
    return float(np.sqrt(d_l**2 + d_c**2 + d_h**2 + r_t * d_c * d_h))


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
