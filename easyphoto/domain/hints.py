"""Kinds of control pictures."""

from __future__ import annotations

from enum import Enum


class HintKind(str, Enum):
    """Control pictures we can draw."""

    CANNY = "canny"
    POSE = "pose"
    COLOR = "color"
    TILE = "tile"
