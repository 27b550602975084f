"""Checkpoints and ControlNets from local files, as diffusers' classes on the CPU; never from the network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from easyphoto.domain import DEFAULT_SAMPLER, Checkpoint
from easyphoto.engines.local.pipelines import DevicePlacement, pipelines_of, scheduler_of
from easyphoto.engines.local.single_file import (
    OLD_TEXT,
    TEXT_TO_IMAGE,
    added_embedding,
    check_depth,
    fit_controlnet,
    traits_of,
)
from easyphoto.errors import BadModel
from easyphoto.system_errors import shortage_of
from easyphoto.tensor_file import read_header


def open_base(checkpoint: Checkpoint, configs: Path, placing: DevicePlacement, vae: Any = None) -> Any:
    """The checkpoint as a text-to-image pipeline in that precision, still on the CPU.

    `configs` holds a folder per family with the architecture of single files; `vae` stands in for the checkpoint's own.
    Raises BadModel.
    """
    import diffusers

    kinds = pipelines_of(checkpoint.family)
    kind, options = getattr(diffusers, kinds.base), {**load_options(placing), **kinds.base_options}
    if vae is not None:
        options["vae"] = vae
    file = checkpoint.file
    if file is None:
        raise BadModel("engine.no-checkpoint-file", stage="model", name=checkpoint.name)
    try:
        if file.is_dir():
            pipe = kind.from_pretrained(file, use_safetensors=True, **_variant(file), **options)
        else:
            pipe = _from_file(kind, file, configs / checkpoint.family.value, options)
        for part in (one for one in pipe.components.values() if hasattr(one, "named_parameters")):
            complete(part)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, _no_component()) as problem:
        bad = BadModel("engine.checkpoint-not-loaded", stage="model", file=str(file), why=str(problem)[:300])
        raise shortage_of(problem) or bad from problem
    return pipe


def _variant(folder: Path) -> dict[str, str]:
    """For folders that hold half precision files only, whose names say so."""
    unet = folder / "unet"
    plain = [one for one in unet.glob("*.safetensors") if ".fp16" not in one.name]
    return {"variant": "fp16"} if not plain and any(unet.glob("*.fp16*.safetensors")) else {}


def _no_component() -> type[Exception]:
    """What diffusers raises for a file without one of a pipeline's parts; it derives from Exception alone."""
    from diffusers.loaders.single_file_utils import SingleFileComponentError

    kind: type[Exception] = SingleFileComponentError
    return kind


def _from_file(kind: Any, file: Path, config: Path, options: dict[str, Any]) -> Any:
    """A single file as the pipeline, with the parts that diffusers would read wrongly made from its own header."""
    from diffusers import UNet2DConditionModel

    header = read_header(file)
    traits = traits_of(header, has_vae="vae" in options)
    check_depth(header, config)
    parts: dict[str, Any] = {}
    shared = {name: options[name] for name in ("dtype", "torch_dtype", "local_files_only") if name in options}
    if traits.in_channels != TEXT_TO_IMAGE:
        parts["unet"] = UNet2DConditionModel.from_single_file(
            str(file), config=str(config), subfolder="unet", in_channels=traits.in_channels, **shared
        )
    if traits.old_text_names:
        parts["text_encoder"] = _old_text_encoder(file, config)
    pipe = kind.from_single_file(str(file), config=str(config), **parts, **options)
    if traits.scheduler:
        pipe.scheduler = scheduler_of(pipe.scheduler, DEFAULT_SAMPLER, **traits.scheduler)
    return pipe


def _old_text_encoder(file: Path, config: Path) -> Any:
    """The text encoder of a file whose names lack the level `text_model`, in fp32."""
    from safetensors import safe_open
    from transformers import CLIPTextConfig, CLIPTextModel

    encoder = CLIPTextModel(CLIPTextConfig.from_pretrained(config / "text_encoder", local_files_only=True)).eval()
    level = "text_model." if any(name.startswith("text_model.") for name in encoder.state_dict()) else ""
    with safe_open(str(file), framework="pt") as opened:
        names = [name for name in opened.keys() if name.startswith(OLD_TEXT)]  # noqa: SIM118 (no mapping)
        tensors = {f"{level}{name.removeprefix(OLD_TEXT)}": opened.get_tensor(name).float() for name in names}
    tensors.pop(f"{level}embeddings.position_ids", None)
    encoder.load_state_dict(tensors)
    return encoder


def open_control(entry: Path, config: Path, placing: DevicePlacement) -> Any:
    """A ControlNet from a file or a diffusers folder. Raises BadModel."""
    from diffusers import ControlNetModel

    options = load_options(placing)
    try:
        if entry.is_dir():
            return complete(ControlNetModel.from_pretrained(entry, use_safetensors=True, **options))
        return _control_from_file(entry, config, placing)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError) as problem:
        bad = BadModel("engine.controlnet-not-loaded", stage="ControlNet", file=str(entry), why=str(problem)[:300])
        raise shortage_of(problem) or bad from problem


def complete(network: Any) -> Any:
    """The network, if every weight was in its file: diffusers leaves a gap as a weight without data."""
    if gaps := [name for name, weight in network.named_parameters() if weight.is_meta]:
        raise ValueError(f"{len(gaps)} weights are missing, {gaps[0]} among them")
    return network


def _control_from_file(entry: Path, config: Path, placing: DevicePlacement) -> Any:
    """In either layout and of any depth; every weight must be there and find its place."""
    from accelerate import init_empty_weights
    from diffusers import ControlNetModel
    from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint
    from safetensors.torch import load_file

    tensors = load_file(entry)
    family = json.loads((config / "config.json").read_text(encoding="utf-8"))
    fitted = fit_controlnet(list(tensors), family)
    converted = {**convert_controlnet_checkpoint(dict(tensors), fitted), **added_embedding(tensors)}
    with init_empty_weights():
        control = ControlNetModel.from_config(fitted)
    control.load_state_dict({name: one for name, one in converted.items() if one is not None}, assign=True)
    return control.to(placing.dtype).eval()


def load_options(placing: DevicePlacement) -> dict[str, Any]:
    """Precision, and no network; the name of the precision changed in diffusers 0.42."""
    import diffusers

    version = tuple(int(part) for part in diffusers.__version__.split(".")[:2])
    return {"dtype" if version >= (0, 42) else "torch_dtype": placing.dtype, "local_files_only": True}
