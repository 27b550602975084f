"""The node *Person LoRA*: a person's LoRA on the models of the workflow."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from easyphoto.comfyui.failures import shown_by_host
from easyphoto.comfyui.person_choice import TYPE, PersonChoice, person_of
from easyphoto.comfyui.runtime import library
from easyphoto.comfyui.texts import labels, titles
from easyphoto.domain import LORA_TRIGGER
from easyphoto.engines.comfyui.lora import with_lora
from easyphoto.engines.comfyui.workflow import family_of
from easyphoto.errors import BadModel, BadRequest


class PersonLora(io.ComfyNode):
    """The LoRA is read where it lies: no list of ComfyUI's shows it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Models and a person in; patched clones and the words that the prompt begins with out."""
        strength = {"default": 0.9, "min": -2.0, "max": 2.0, "step": 0.05}
        return io.Schema(
            node_id="EasyPhotoPersonLora",
            **titles("lora"),
            inputs=[
                io.Model.Input("model", **labels("model")),
                io.Clip.Input("clip", **labels("clip")),
                io.Custom(TYPE).Input("person", **labels("chosen_person")),
                io.Float.Input("strength_model", **strength, **labels("strength_model")),
                io.Float.Input("strength_clip", **strength, **labels("strength_clip")),
            ],
            outputs=[
                io.Model.Output("patched_model", display_name="MODEL"),
                io.Clip.Output("patched_clip", display_name="CLIP"),
                io.String.Output("trigger", display_name="trigger"),
            ],
        )

    @classmethod
    def execute(
        cls, model: Any, clip: Any, person: PersonChoice, strength_model: float, strength_clip: float
    ) -> io.NodeOutput:
        """Raises what ComfyUI shows for a person without a LoRA, or one of another family."""
        with shown_by_host():
            somebody, family = person_of(library(), person), family_of(model)
            if somebody.lora is None:
                raise BadRequest("comfyui.no-lora", stage="LoRA", name=somebody.name)
            fits = somebody.lora.family is family
            if not fits:
                raise BadModel(
                    "comfyui.lora-of-another-family",
                    stage="LoRA",
                    name=somebody.name,
                    trained=somebody.lora.family.spec.label,
                    wired=family.spec.label,
                )
            patched, encoder = with_lora(model, clip, somebody.lora.file, (strength_model, strength_clip))
        return io.NodeOutput(patched, encoder, LORA_TRIGGER)
