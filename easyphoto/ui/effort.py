"""Quick, Fast, Normal and Thorough: values that are set together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from easyphoto.domain import LCM_DEFAULTS, PortraitRequest, TrainRequest
from easyphoto.families import ModelFamily


@dataclass(frozen=True)
class Preset:
    """Values on top of the family's defaults, and factors of whole numbers among them."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)
    needs: str = ""  # a field without which it changes nothing: not offered to families that leave it out

    def request(self, kind: type[Any], family: ModelFamily) -> Any:
        """The family's request with this preset."""
        normal = kind.for_family(family)
        scaled = {name: max(1, round(getattr(normal, name) * factor)) for name, factor in self.factors.items()}
        return replace(normal, **scaled, **self.changes)

    @property
    def fields(self) -> tuple[str, ...]:
        """What it sets."""
        return (*self.changes, *self.factors)


LENGTH = ("max_steps", "steps_per_photo", "save_steps")
PRESETS: dict[type[Any], dict[str, Preset]] = {
    TrainRequest: {
        "quick": Preset({"enhance_photos": False}, dict.fromkeys(LENGTH, 0.25)),
        "normal": Preset(),
        "thorough": Preset(factors=dict.fromkeys(LENGTH, 2.0), needs="train_lora"),
    },
    PortraitRequest: {
        "quick": Preset({"first_steps": 20, "second_pass": False, "enhance_photos": False}),
        "fast": Preset({"lcm": True, **LCM_DEFAULTS}, needs="second_pass"),
        "normal": Preset(),
        "thorough": Preset({"first_steps": 80, "second_steps": 40, "best_of": 4}, needs="second_pass"),
    },
}
NORMAL = "normal"
