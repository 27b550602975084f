"""The node *Put person into picture*: with the workflow's own models where they are wired, else the built-in one."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from easyphoto.comfyui.failures import shown_by_host
from easyphoto.comfyui.node_progress import NodeProgress
from easyphoto.comfyui.person_choice import TYPE, PersonChoice, person_of
from easyphoto.comfyui.portraits import PersonInPicture, PictureWithPerson, put_person
from easyphoto.comfyui.runtime import library, studio
from easyphoto.comfyui.tensors import batch_of, mask_for, pictures_of
from easyphoto.comfyui.texts import labels, lines, titles
from easyphoto.domain import HintKind, PortraitRequest
from easyphoto.engines.comfyui.engine import ComfyuiEngine
from easyphoto.engines.comfyui.workflow import Workflow
from easyphoto.errors import BadRequest
from easyphoto.stages import PREPARING
from easyphoto.strength import Strength
from easyphoto.studio import Studio

PHOTOS = ("photo_1", "photo_2", "photo_3")
CONTROLS = {f"{kind.value}_controlnet": kind for kind in HintKind}
MOST_FACES = 64


class PutPerson(io.ComfyNode):
    """Every picture of the batch passes through the portrait journey as a template does."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Pictures and a person in; pictures, what is to be said, and the settings out."""
        return io.Schema(
            node_id="EasyPhotoPutPerson",
            **titles("put"),
            inputs=[
                io.Image.Input("image", **labels("image")),
                io.Combo.Input("strength", options=Strength, default=Strength.NATURAL, **labels("strength")),
                io.Int.Input("face", default=1, min=1, max=MOST_FACES, **labels("face")),
                io.Int.Input("seed", default=0, min=0, max=2**32 - 1, control_after_generate=True, **labels("seed")),
                io.Custom(TYPE).Input("person", optional=True, **labels("chosen_person")),
                *(io.Image.Input(name, optional=True, **labels("photo", number=name[-1])) for name in PHOTOS),
                io.Boolean.Input("consent", default=False, optional=True, **labels("consent")),
                io.Mask.Input("mask", optional=True, **labels("mask")),
                io.Model.Input("model", optional=True, **labels("model")),
                io.Clip.Input("clip", optional=True, **labels("clip")),
                io.Vae.Input("vae", optional=True, **labels("vae")),
                *(
                    io.ControlNet.Input(name, optional=True, **labels("controlnet", kind=kind.value))
                    for name, kind in CONTROLS.items()
                ),
                io.String.Input("prompt", multiline=True, default="", optional=True, **labels("prompt")),
            ],
            outputs=[
                io.Image.Output("images", display_name="images"),
                io.String.Output("report", display_name="report"),
                io.String.Output("settings", display_name="settings"),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, image: Any, strength: str, face: int, seed: int, **given: Any) -> io.NodeOutput:
        """Of a batch each picture has the next seed."""
        with shown_by_host():
            used = _studio(given)
            asked = _asked(Strength(strength), face, seed, given)
            pictures = pictures_of(image)
            stages = PortraitRequest.for_family(used.engine.checkpoint(used.engine.default()).family).face_stages
            progress = NodeProgress(
                cls.hidden.unique_id, (*PREPARING, *stages) if asked.photos else stages, len(pictures)
            )
            made: list[PictureWithPerson] = []
            for number, picture in enumerate(pictures):
                progress.begin(number)
                mask = mask_for(given.get("mask"), number, picture.size)
                made.append(put_person(asked.numbered(number), picture, mask, used, progress))
        report = lines([note for one in made for note in one.notes])
        return io.NodeOutput(batch_of([one.picture for one in made]), report, made[0].infotext)


def _asked(strength: Strength, face: int, seed: int, given: dict[str, Any]) -> PersonInPicture:
    """Raises BadRequest, NotFound."""
    choice: PersonChoice | None = given.get("person")
    photos = [picture for name in PHOTOS if given.get(name) is not None for picture in pictures_of(given[name])]
    return PersonInPicture(
        person_of(library(), choice) if choice is not None else None,
        tuple(photos),
        bool(given.get("consent")),
        strength,
        face,
        seed,
        str(given.get("prompt") or ""),
    )


def _studio(given: dict[str, Any]) -> Studio:
    """With an engine of the models that are wired. Raises BadRequest where one of the three is missing, BadModel."""
    parts = {name: given.get(name) for name in ("model", "clip", "vae")}
    controls = {kind: given[name] for name, kind in CONTROLS.items() if given.get(name) is not None}
    missing = [name for name, part in parts.items() if part is None]
    if len(missing) == len(parts) and not controls:
        return studio()
    if missing:
        raise BadRequest("comfyui.part-missing", stage="node", missing=missing, parts=list(parts))
    return studio().with_engine(ComfyuiEngine(Workflow(**parts, controls=controls)))
