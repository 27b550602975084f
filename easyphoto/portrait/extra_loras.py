"""LoRAs that a portrait asks for besides a person's."""

from __future__ import annotations

from collections.abc import Callable

from easyphoto.domain import LoraUse, ModelFamily, PortraitRequest
from easyphoto.errors import BadRequest
from easyphoto.weights import WeightStore


def extra_loras(
    request: PortraitRequest, family: ModelFamily, weights: Callable[[], WeightStore]
) -> tuple[LoraUse, ...]:
    """Those that the request asks for, in the order in which they are applied.

    Raises MissingModel for a file that is not there, BadRequest for one that the family has not.
    """
    if not request.lcm:
        return ()
    if not family.spec.lcm_lora:
        raise BadRequest("portrait.no-lcm", stage="request", family=family.spec.label)
    return (LoraUse(weights().path(family.spec.lcm_lora), 1.0),)
