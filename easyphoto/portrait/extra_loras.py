"""LoRAs that a portrait asks for besides a person's."""

from __future__ import annotations

from collections.abc import Callable

from easyphoto.domain import LoraUse, ModelFamily, PortraitRequest
from easyphoto.errors import BadRequest, MissingModel
from easyphoto.weights import WeightStore, lora_files

OpenWeights = Callable[[], WeightStore]


def check_loras(request: PortraitRequest, family: ModelFamily, weights: OpenWeights) -> None:
    """Raises MissingModel and BadRequest as the two below, before anything is rendered."""
    drawing_loras(request, family, weights)
    fast_loras(request, family, weights)


def fast_loras(request: PortraitRequest, family: ModelFamily, weights: OpenWeights) -> tuple[LoraUse, ...]:
    """The LCM LoRA, where it is asked for. Raises MissingModel where it is not there, BadRequest: there is none."""
    if not request.lcm:
        return ()
    if not family.spec.lcm_lora:
        raise BadRequest("portrait.no-lcm", stage="request", family=family.spec.label)
    return (LoraUse(weights().path(family.spec.lcm_lora), 1.0),)


def drawing_loras(request: PortraitRequest, family: ModelFamily, weights: OpenWeights) -> tuple[LoraUse, ...]:
    """Those of a picture drawn from text: the scene's, and the LCM LoRA. Raises MissingModel naming what there is."""
    fast = fast_loras(request, family, weights)
    if not (request.from_text and request.scene_lora and request.scene_lora_weight):
        return fast
    there, name = lora_files(weights().folders), request.scene_lora.removesuffix(".safetensors")
    if name not in there:
        folder = str(weights().folders.own / "lora")
        raise MissingModel("portrait.no-scene-lora", stage="LoRA", name=name, there=list(there), folder=folder)
    return (LoraUse(there[name], request.scene_lora_weight), *fast)
