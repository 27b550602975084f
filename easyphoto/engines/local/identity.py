"""Puts an identity adapter on a diffusers pipeline for the length of a `with`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from easyphoto.domain import IdentityHint, ModelFamily
from easyphoto.engines.identity_files import IdentityFiles, find_identity, left_out
from easyphoto.engines.local.silence import silenced
from easyphoto.errors import BadModel
from easyphoto.locales import Message

if TYPE_CHECKING:
    from easyphoto.engines.local.loaded_model import LoadedModel

PARTS = ("image_proj", "ip_adapter")
VIT_H = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "patch_size": 14,
    "projection_dim": 1024,
}
"""The image encoder's architecture, for a file alone (OpenCLIP ViT-H/14); sides of 224 pixels."""


@dataclass(frozen=True)
class ChosenAdapter:
    """What is asked for, and the files that do it."""

    hint: IdentityHint
    files: IdentityFiles


def adapter_for(
    hint: IdentityHint | None, family: ModelFamily, folder: Path
) -> tuple[ChosenAdapter | None, tuple[Message, ...]]:
    """The hint with its files, or a note that there are none. Raises MissingModel where the job needs them."""
    if hint is None:
        return None, ()
    files = find_identity(folder, family)
    return (None, left_out(hint, family, folder)) if files is None else (ChosenAdapter(hint, files), ())


@contextmanager
def identified(pipe: Any, loaded: LoadedModel, identity: ChosenAdapter | None) -> Iterator[None]:
    """Inside, the pipeline reads the hint's picture at its weight; afterwards its U-Net is as before.

    Raises BadModel for files that do not fit.
    """
    if identity is None:
        yield
        return
    try:
        with silenced():
            _load(pipe, loaded, identity)
        yield
    finally:
        pipe.unload_ip_adapter()


def _load(pipe: Any, loaded: LoadedModel, identity: ChosenAdapter) -> None:
    from safetensors import SafetensorError
    from transformers import CLIPImageProcessor

    try:
        if loaded.image_encoder is None:
            loaded.image_encoder = _open_encoder(identity.files.encoder).to(loaded.placing.dtype)
        tensors, config = _tensors(identity.files.adapter), loaded.image_encoder.config
        _check_fit(tensors["image_proj"], config)
        side = config.image_size
        reader = CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
        pipe.register_modules(image_encoder=loaded.image_encoder, feature_extractor=reader)
        pipe.load_ip_adapter(tensors, subfolder="", weight_name="", image_encoder_folder=None)
        pipe.set_ip_adapter_scale(identity.hint.weight)
    except (ValueError, RuntimeError, KeyError, IndexError, OSError, SafetensorError) as problem:
        file = str(identity.files.adapter)
        raise BadModel("engine.identity-does-not-fit", stage="identity", file=file, why=str(problem)[:200]) from problem


def _check_fit(projection: dict[str, Any], encoder: Any) -> None:
    """Raises ValueError for an adapter that was made for another encoder; diffusers notices when it paints."""
    widths = {"proj.weight": encoder.projection_dim, "proj_in.weight": encoder.hidden_size}
    for name, width in widths.items():
        if name in projection and projection[name].shape[-1] != width:
            raise ValueError(f"{name} reads {projection[name].shape[-1]} numbers, the image encoder gives {width}")


def _tensors(file: Path) -> dict[str, dict[str, Any]]:
    """The adapter's parts, each with its own names."""
    from safetensors.torch import load_file

    parts: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
    for name, tensor in load_file(file).items():
        part, _, rest = name.partition(".")
        parts[part][rest] = tensor
    return parts


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
