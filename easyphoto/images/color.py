"""CIE L*a*b* (D65) in plain numpy, and the transfer of skin colour from one picture to another.

Own code rather than cv2's, since the result must be the same on every OpenCV.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from easyphoto.domain import Floats, Pixels
from easyphoto.images.masks import blend, extent, weights

_XYZ_OF_RGB = np.array(  # IEC 61966-2-1, rows divided by the D65 white below
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    dtype=np.float64,
)
_XYZ_OF_RGB /= _XYZ_OF_RGB.sum(axis=1, keepdims=True)
_RGB_OF_XYZ = np.linalg.inv(_XYZ_OF_RGB)
_KNEE = 6 / 29
_SAMPLES = 500_000  # pixels from which the statistics of a mask are taken
_BAND = 256  # rows that are converted at a time

_CODES = np.arange(256) / 255
_LINEAR_OF_BYTE = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)


def srgb_to_linear(pixels: Pixels) -> Floats:
    """uint8 sRGB to linear light 0..1 (IEC 61966-2-1)."""
    return _LINEAR_OF_BYTE[pixels]


def linear_to_srgb(light: Floats) -> Pixels:
    """Linear light to uint8 sRGB, clipped to 0..1."""
    light = np.clip(light, 0, 1)
    code = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(np.clip(code, 0, 1) * 255), dtype=np.uint8)


def adapted(pixels: Pixels, own: Floats, wanted: Floats) -> Pixels:
    """The picture in another white balance: the L*a*b* color `own` (3,) becomes `wanted`, but for its lightness.

    One gain a channel in linear light (von Kries, on sRGB primaries).
    """
    same = np.array([own[0], wanted[1], wanted[2]], np.float32)
    light, goal = (srgb_to_linear(lab_to_rgb(color[None])[0]) for color in (own, same))
    gain = np.clip(goal / np.maximum(light, 1e-3), 0.4, 2.5)
    codes = linear_to_srgb(np.asarray(_LINEAR_OF_BYTE[:, None] * gain, np.float32))  # 256 x 3
    return np.stack([codes[pixels[..., channel], channel] for channel in range(3)], axis=-1)


def rgb_to_lab(pixels: Pixels) -> Floats:
    """uint8 sRGB (..., 3) to float32 L*a*b*: L 0..100, a and b about -108..99; grey has a = b = 0."""
    xyz = _LINEAR_OF_BYTE[pixels] @ _XYZ_OF_RGB.T.astype(np.float32)
    root = np.where(xyz > _KNEE**3, np.cbrt(xyz), xyz / (3 * _KNEE**2) + 4 / 29)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def lab_to_rgb(lab: Floats) -> Pixels:
    """float L*a*b* (..., 3) to uint8 sRGB; colours outside sRGB are clipped per channel."""
    y = (lab[..., 0] + 16) / 116
    root = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = np.where(root > _KNEE, root**3, 3 * _KNEE**2 * (root - 4 / 29))
    return linear_to_srgb(np.asarray(xyz @ _RGB_OF_XYZ.T.astype(np.float32)))


def _mean_and_spread(lab: Floats, share: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation (3,) each, weighted by `share`."""
    total = float(share.sum())
    mean = (lab * share[..., None]).sum(axis=(0, 1)) / total
    spread = np.sqrt((((lab - mean) ** 2) * share[..., None]).sum(axis=(0, 1)) / total)
    return mean, spread


def match_color(
    picture: Pixels,
    reference: Pixels,
    mask: Floats | Pixels,
    reference_mask: Floats | Pixels,
    max_gain: float = 1.3,
    max_shift: float = 30.0,
) -> Pixels:
    """`picture` with mean and spread of L, a and b under `mask` moved to the reference's under its own mask.

    Reinhard 2001, per channel (x - mean) x gain + mean + shift. The gain stays within
    1 / max_gain .. max_gain and is 1 where either side has hardly any spread (under half a
    unit); the shift stays within +-max_shift units. The change is applied through the soft mask:
    pixels where it is 0 stay bit-identical. The two pictures may differ in size. Empty masks: a copy.
    """
    own, other = _samples(picture, mask), _samples(reference, reference_mask)
    if own is None or other is None:
        return picture.copy()
    (mean, spread), (goal, goal_spread) = _mean_and_spread(*own), _mean_and_spread(*other)
    flat = (spread < 0.5) | (goal_spread < 0.5)
    gain = np.where(flat, 1.0, np.clip(goal_spread / np.where(flat, 1.0, spread), 1 / max_gain, max_gain))
    shift = np.clip(goal - mean, -max_shift, max_shift)
    result, part = picture.copy(), extent(mask)
    for rows in _bands(part[0]):
        here = (rows, part[1])
        lab = rgb_to_lab(picture[here])
        moved = lab_to_rgb(((lab - mean) * gain + mean + shift).astype(np.float32))
        result[here] = blend(picture[here], moved, mask[here])
    return result


def _samples(picture: Pixels, mask: Floats | Pixels) -> tuple[Floats, Floats] | None:
    """(L*a*b* values, weights) of the masked part, in even steps where it is large; None for an empty mask."""
    rows, columns = extent(mask)
    step = max(1, int(np.sqrt((rows.stop - rows.start) * (columns.stop - columns.start) / _SAMPLES)))
    here = (slice(rows.start, rows.stop, step), slice(columns.start, columns.stop, step))
    share = weights(mask[here])
    return (rgb_to_lab(picture[here]), share) if share.sum() >= 1 else None


def _bands(rows: slice) -> Iterator[slice]:
    """The rows in bands, so that memory stays flat for large pictures."""
    for start in range(rows.start, rows.stop, _BAND):
        yield slice(start, min(start + _BAND, rows.stop))
