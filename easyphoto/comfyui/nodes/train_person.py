"""The node *Train person*: photos to a person of the library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from easyphoto.comfyui.failures import shown_by_host, validated
from easyphoto.comfyui.node_progress import NodeProgress
from easyphoto.comfyui.nodes.check_photos import check_folder, first, folder_state
from easyphoto.comfyui.person_choice import TYPE, choice_of
from easyphoto.comfyui.photos import photos_of
from easyphoto.comfyui.runtime import library, paths, studio
from easyphoto.comfyui.texts import labels, titles
from easyphoto.comfyui.trainings import trained
from easyphoto.domain import BUILTIN_CHECKPOINT, TrainRequest
from easyphoto.engines.comfyui.base_models import HostCheckpointsEngine
from easyphoto.errors import BadRequest
from easyphoto.library import slug
from easyphoto.library.uploads import scratch_folder

MOST_STEPS = 20_000


class TrainPerson(io.ComfyNode):
    """Inputs come as lists, so that photos of any sizes are one set."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Photos or a folder in; a person out."""
        bases = [checkpoint.name for checkpoint in HostCheckpointsEngine(paths()).checkpoints()]
        return io.Schema(
            node_id="EasyPhotoTrainPerson",
            **titles("train"),
            inputs=[
                io.String.Input("name", default="", **labels("name")),
                io.Boolean.Input("consent", default=False, **labels("consent")),
                io.Combo.Input("base_model", options=bases, default=BUILTIN_CHECKPOINT, **labels("base_model")),
                io.Int.Input("steps", default=0, min=0, max=MOST_STEPS, **labels("steps")),
                io.Image.Input("photos", optional=True, **labels("photos")),
                io.String.Input("folder", default="", optional=True, **labels("folder")),
            ],
            outputs=[io.Custom(TYPE).Output("person", display_name="person")],
            hidden=[io.Hidden.unique_id],
            is_input_list=True,
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, consent: Any = None, folder: Any = None) -> bool | str:
        """Consent is given, and the folder is there and may be read."""

        def check() -> None:
            if first(consent) is False:
                raise BadRequest("training.no-consent", stage="preflight")
            check_folder(folder)

        return validated(check)

    @classmethod
    def fingerprint_inputs(cls, name: Any = None, folder: Any = None, **_: Any) -> str:
        """Changes with the folder's pictures, and with the person: one who is gone is trained again."""
        known = slug(str(first(name) or "")) if first(name) else ""
        created = [person.created for person in library().list() if person.id == known]
        return f"{folder_state(folder)}\n{created}"

    @classmethod
    def execute(
        cls,
        name: Sequence[str],
        consent: Sequence[bool],
        base_model: Sequence[str],
        steps: Sequence[int],
        photos: Sequence[Any] = (),
        folder: Sequence[str] = ("",),
    ) -> io.NodeOutput:
        """See `Studio.train`; a person of these very photos and settings is not trained again."""
        with shown_by_host(), scratch_folder(studio().paths.jobs) as scratch:
            base = studio().engine.checkpoint(base_model[0])
            changes = {"max_steps": steps[0], "steps_per_photo": steps[0]} if steps[0] else {}
            request = TrainRequest.for_family(
                base.family, person=name[0], consent=consent[0], base_model=base.name, **changes
            )
            given = photos_of(photos, folder[0] or "", scratch)
            person = trained(studio(), request, given, NodeProgress(cls.hidden.unique_id, request.stages))
        return io.NodeOutput(choice_of(person), ui={"text": (person.name,)})
