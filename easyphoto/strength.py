"""How much of a picture's own face is left: the presets of hosts that put a person into what they generate."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any


class Strength(str, Enum):
    """How much of the picture's own face is left."""

    FUSION = "fusion-only"
    NATURAL = "natural"
    STRONG = "strong"


PRESETS: Mapping[Strength, Mapping[str, Any]] = MappingProxyType(
    {
        Strength.FUSION: {"first_denoising_strength": 0.0, "second_pass": False, "lora_weight": 0.0},
        Strength.NATURAL: {},
        Strength.STRONG: {
            "first_denoising_strength": 0.6,
            "lora_weight": 1.0,
            "fusion_before_ratio": 0.7,
            "fusion_after_ratio": 0.7,
        },
    }
)
"""Fields of a PortraitRequest that differ from the family's defaults."""
