"""What portraits from photos alone need besides their pictures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from easyphoto.domain.portrait import PortraitRequest
from easyphoto.domain.rendering import IdentityAdapter
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
    def for_family(
        cls, family: ModelFamily, consent: bool = False, adapter: IdentityAdapter | None = None, **changes: Any
    ) -> QuickRequest:
        """The family's defaults with `changes` to the portrait on top; `adapter` is the one that the engine has for it.

        Where a family needs a person's LoRA and no adapter shows it the face, nothing is repainted, as with the model
        that ships: it would paint a stranger, while fusion alone brings the likeness.
        """
        weight = changes.get("identity_weight", adapter.weight if adapter else 0.0)
        spec = (SHIPPED if family.spec.lora_required and weight == 0 else family).spec
        own = {**spec.portrait_defaults, "lora_weight": 0.0, "identity_weight": weight}
        return cls(replace(PortraitRequest(), **{**own, **changes}), consent)
