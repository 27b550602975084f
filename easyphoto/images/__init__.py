"""Pure picture work: open safely, size, cut and paste, mask and blend, match colour, save.

Nothing here knows faces or models. Pictures are PIL RGB or uint8 RGB arrays H x W x 3; masks are
uint8 H x W with 255 = changed, or float32 0..1; boxes are (left, top, right, bottom) in pixels.
"""

from __future__ import annotations

from easyphoto.images.color import adapted, lab_to_rgb, match_color, rgb_to_lab
from easyphoto.images.geometry import crop, fit_long_side, picture, pixels, resize_short_side
from easyphoto.images.masks import blend, extent, feather, grow, multiband_blend, shrink, weights
from easyphoto.images.opening import may_be_picture, open_picture, picture_size
from easyphoto.images.saving import read_infotext, save_picture

__all__ = [
    "adapted",
    "blend",
    "crop",
    "extent",
    "feather",
    "fit_long_side",
    "grow",
    "lab_to_rgb",
    "match_color",
    "may_be_picture",
    "multiband_blend",
    "open_picture",
    "picture",
    "picture_size",
    "pixels",
    "read_infotext",
    "resize_short_side",
    "rgb_to_lab",
    "save_picture",
    "shrink",
    "weights",
]
