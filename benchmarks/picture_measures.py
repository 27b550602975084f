"""What can be measured on a portrait beside likeness: skin tone, face against neck, sharpness, expression.

Pictures are uint8 RGB, meshes float32 (468, 3) in their pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from builtin_model.mesh_indices import OVAL
from easyphoto.domain import Floats, Pixels
from easyphoto.faces.builtin.face_parsing import hull, paint
from easyphoto.faces.geometry import CHIN, FOREHEAD

CHEEKS = ((50, 101, 118, 117, 123, 187, 205, 36), (280, 330, 347, 346, 352, 411, 425, 266))
_FOREHEAD = (109, 10, 338, 337, 151, 108)  # its middle
ITA_GROUPS = ((55.0, "very light"), (41.0, "light"), (28.0, "intermediate"), (10.0, "tan"), (-30.0, "brown"))
"""Lower bounds in degrees (Chardon, Cretois and Hourseau 1991; Del Bino 2006); what is under the last is dark."""


def lab(picture: Pixels) -> Floats:
    """CIELAB D65, L 0..100."""
    return np.asarray(rgb2lab(picture), np.float32)


def skin_tone(picture: Pixels, mesh: Floats) -> Floats:
    """(3,) median LAB of cheeks and forehead between the 30th and 80th percentile of lightness."""
    return patch_tone(lab(picture), mesh, *CHEEKS, _FOREHEAD)


def patch_tone(rows: Floats, mesh: Floats, *patches: tuple[int, ...]) -> Floats:
    """The same of the hulls of mesh points, in a picture that is LAB already."""
    where = paint([hull(mesh[list(patch), :2]) for patch in patches], (rows.shape[1], rows.shape[0])) > 127
    inside = rows[where]
    low, high = np.percentile(inside[:, 0], [30, 80])
    return np.asarray(np.median(inside[(inside[:, 0] >= low) & (inside[:, 0] <= high)], axis=0), np.float32)


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
    return float(deltaE_ciede2000(skin_tone(picture, mesh), tone))


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


def _disc(radius: float) -> np.ndarray:
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
