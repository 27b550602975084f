"""Puts an identity adapter on a diffusers pipeline for the length of a `with`, and shows it the person's face."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from easyphoto.domain import IdentityHint, ModelFamily
from easyphoto.engines.adapter_tensors import adapter_tensors
from easyphoto.engines.identity_files import IdentityFiles, find_identity, left_out
from easyphoto.engines.local.identity_vectors import face_vector
from easyphoto.engines.local.silence import silenced
from easyphoto.errors import BadModel
from easyphoto.locales import Message

if TYPE_CHECKING:
    from easyphoto.engines.local.loaded_model import LoadedModel

VIT_H = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "patch_size": 14,
    "projection_dim": 1024,
}
"""The image encoder's architecture, for a file alone (OpenCLIP ViT-H/14); sides of 224 pixels."""
OWN_LORA = "faceid_0"  # diffusers' name for the LoRA that a FaceID file holds


@dataclass(frozen=True)
class ChosenAdapter:
    """What is asked for, and the files that do it."""

    hint: IdentityHint
    files: IdentityFiles


def adapter_for(
    hint: IdentityHint | None, family: ModelFamily, folder: Path
) -> tuple[ChosenAdapter | None, tuple[Message, ...]]:
    """The hint with its files, or a note that some are missing. Raises MissingModel where the job needs them."""
    if hint is None:
        return None, ()
    files = find_identity(folder, family)
    if files is None or files.missing:
        return None, left_out(hint, family, folder, files)
    return ChosenAdapter(hint, files), ()


@contextmanager
def identified(
    pipe: Any, loaded: LoadedModel, identity: ChosenAdapter | None, loras: Mapping[str, float]
) -> Iterator[None]:
    """Inside, the pipeline has the adapter at the hint's weight; afterwards its U-Net is as before.

    `loras` are the weights of the LoRAs that it has already, by name. Raises BadModel for files that do not fit.
    """
    if identity is None:
        yield
        return
    try:
        with silenced():
            _load(pipe, loaded, identity, loras)
        yield
    finally:
        pipe.unload_ip_adapter()
        _drop_own_lora(pipe, loras)


def _load(pipe: Any, loaded: LoadedModel, identity: ChosenAdapter, loras: Mapping[str, float]) -> None:
    from safetensors import SafetensorError

    files, weight = identity.files, identity.hint.weight
    try:
        tensors = adapter_tensors(files.adapter)
        if files.encoder is not None:
            _register_encoder(pipe, loaded, files.encoder)
            _check_fit(tensors["image_proj"], loaded.image_encoder.config)
        pipe.load_ip_adapter(tensors, subfolder="", weight_name="", image_encoder_folder=None)
        pipe.set_ip_adapter_scale(weight)
        if _has_own_lora(pipe):  # diffusers puts it at 1 and the others to sleep
            pipe.set_adapters([*loras, OWN_LORA], [*loras.values(), weight])
    except (ValueError, RuntimeError, KeyError, IndexError, OSError, SafetensorError) as problem:
        raise _misfit(files, problem) from problem


def _register_encoder(pipe: Any, loaded: LoadedModel, encoder: Path) -> None:
    from transformers import CLIPImageProcessor

    if loaded.image_encoder is None:
        loaded.image_encoder = _open_encoder(encoder).to(loaded.placing.dtype)
    side = loaded.image_encoder.config.image_size
    reader = CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    pipe.register_modules(image_encoder=loaded.image_encoder, feature_extractor=reader)


def _has_own_lora(pipe: Any) -> bool:
    return OWN_LORA in getattr(pipe.unet, "peft_config", {})


def _drop_own_lora(pipe: Any, loras: Mapping[str, float]) -> None:
    if not _has_own_lora(pipe):
        return
    if loras:
        pipe.delete_adapters([OWN_LORA])
    else:
        pipe.unload_lora_weights()


def shown(pipe: Any, identity: ChosenAdapter | None, guided: bool) -> dict[str, Any]:
    """What the pipeline is to be called with; inside `identified`, with its networks where they work.

    `guided`: whether it computes every step without the prompt, too. Raises BadModel.
    """
    if identity is None:
        return {}
    hint, files = identity.hint, identity.files
    if files.recognizer is None:
        return {"ip_adapter_image": hint.picture}
    if files.encoder is not None:
        layer, seen = projection_of(pipe), hint.aligned[0] if hint.aligned else hint.picture
        layer.clip_embeds = pipe.prepare_ip_adapter_image_embeds([seen], None, pipe._execution_device, 1, guided)[0]
        layer.clip_embeds, layer.shortcut = layer.clip_embeds.to(pipe.unet.dtype), files.second_version
    return {"ip_adapter_image_embeds": [vectors(pipe, identity, guided)]}


def vectors(pipe: Any, identity: ChosenAdapter, guided: bool) -> Any:
    """(n, 1, 1, 512) of the person's face, with zeros before it where steps are computed without the prompt, too."""
    import torch

    recognizer = identity.files.recognizer
    assert recognizer is not None
    # InstantID was trained with vectors as long as the recognizer makes them, FaceID with unit vectors.
    own = face_vector(recognizer, identity.hint.aligned, unit=not identity.files.kind.network)
    one = torch.from_numpy(own)[None, None, None].to(pipe.unet.dtype)
    return torch.cat([torch.zeros_like(one), one]) if guided else one


def projection_of(pipe: Any) -> Any:
    """The layers that make tokens of a face."""
    return pipe.unet.encoder_hid_proj.image_projection_layers[0]


def _check_fit(projection: dict[str, Any], encoder: Any) -> None:
    """Raises ValueError for an adapter that was made for another encoder; diffusers notices when it paints."""
    widths = {
        "proj.weight": encoder.projection_dim,
        "proj_in.weight": encoder.hidden_size,
        "perceiver_resampler.proj_in.weight": encoder.hidden_size,
    }
    for name, width in widths.items():
        if name in projection and projection[name].shape[-1] != width:
            raise ValueError(f"{name} reads {projection[name].shape[-1]} numbers, the image encoder gives {width}")


def _misfit(files: IdentityFiles, problem: Exception) -> BadModel:
    why = str(problem)[:200]
    return BadModel("engine.identity-does-not-fit", stage="identity", file=str(files.adapter), why=why)


def _open_encoder(entry: Path) -> Any:
    """A folder with its configuration, or a file of ViT-H."""
    from safetensors.torch import load_file
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    if entry.is_dir():
        return CLIPVisionModelWithProjection.from_pretrained(entry, local_files_only=True).eval()
    made = CLIPVisionModelWithProjection(CLIPVisionConfig(**VIT_H, hidden_act="gelu"))
    tensors = {name: value for name, value in load_file(entry).items() if not name.endswith("position_ids")}
    made.load_state_dict(tensors, strict=True, assign=True)
    return made.eval()
