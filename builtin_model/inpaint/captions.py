"""The few measured words that the model was trained with as prompts: light, warmth and sharpness."""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np

from builtin_model.inpaint.frame import Pixels

_LIGHT = ("bright", "dark", "even light")
_WARMTH = ("warm", "cool", "neutral colour")  # the text encoder was trained with this spelling
_SHARPNESS = ("sharp photo", "soft photo", "photo")

CAPTIONS = ("", *(f"1person, portrait, {', '.join(words)}" for words in product(_LIGHT, _WARMTH, _SHARPNESS)))
"""All captions there are; the first is that of a dropped one."""


def caption_index(picture: Pixels) -> int:
    """Which of `CAPTIONS` an RGB frame is."""
    gray = picture.mean(2)
    red, _, blue = picture.reshape(-1, 3).mean(0)
    edges = cv2.Laplacian(gray.astype(np.float32), cv2.CV_32F).std()
    light = 0 if gray.mean() > 150 else 1 if gray.mean() < 85 else 2
    warmth = 0 if red - blue > 35 else 1 if red - blue < 5 else 2
    sharpness = 0 if edges > 12 else 1 if edges < 6 else 2
    return 1 + (light * 3 + warmth) * 3 + sharpness
