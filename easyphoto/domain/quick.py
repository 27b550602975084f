"""What portraits from photos alone need besides their pictures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from easyphoto.domain.portrait import PortraitRequest
from easyphoto.errors import BadRequest
from easyphoto.families import SHIPPED, ModelFamily


@dataclass(frozen=True)
class QuickRequest:
    """Raises BadRequest where persons of the library are named; without consent it is refused where it is used."""

    portrait: PortraitRequest = field(default_factory=PortraitRequest)  # the leftmost face of each template counts
    consent: bool = False  # the person shown has agreed

    def __post_init__(self) -> None:
        if self.portrait.persons:
            raise BadRequest("quick.named-persons", stage="request")

    @property
    def faces(self) -> str:
        """Name of the face toolbox."""
        return self.portrait.faces

    @classmethod
    def for_family(cls, family: ModelFamily, consent: bool = False, **changes: Any) -> QuickRequest:
        """The family's defaults with `changes` to the portrait on top.

        Where a family needs a person's LoRA nothing is repainted, as with the model that ships: without the LoRA it
        would paint a stranger, while fusion alone brings the likeness.
        """
        spec = (SHIPPED if family.spec.lora_required else family).spec
        return cls(replace(PortraitRequest(), **{**spec.portrait_defaults, "lora_weight": 0.0, **changes}), consent)
