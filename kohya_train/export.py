"""LoRA files in kohya's format: fp16 safetensors with `ss_*` metadata and the hashes WebUIs look for."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save, save_file

from kohya_train.contract import TrainerError
from kohya_train.network import Network

_FOREIGN = {
    "LoHa": ("hada_w1_a", "hada_w2_a"),
    "LoKr": ("lokr_w1", "lokr_w2", "lokr_w1_a", "lokr_w2_a"),
    "GLoRA": ("a1.weight", "b1.weight"),
    "OFT": ("oft_blocks", "oft_diag"),
}
"""Kinds of files that are no LoRA, by the last parts of their names."""


class BadLora(TrainerError):
    """The file to go on from is no LoRA of this network."""


def checkpoint_file(folder: Path, step: int) -> Path:
    """Where the LoRA of a step lies."""
    return folder / f"checkpoint-{step}.safetensors"


def write_lora(file: Path, network: Network, metadata: Mapping[str, str]) -> None:
    """Write the network's weights as fp16 with `metadata` and hashes; complete or not there at all.

    Alpha is what makes readers that divide it by the rank come to the scale that was trained with.
    """
    tensors = {name: tensor.detach().to("cpu", torch.float16) for name, tensor in network.tensors().items()}
    tensors |= {f"{n}.alpha": torch.tensor(one.alpha, dtype=torch.float16) for n, one in network.modules.items()}
    tensors = {name: tensors[name].contiguous() for name in sorted(tensors)}
    write_tensors(file, tensors, {**metadata, **hashes(tensors)})


def read_lora(file: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors and metadata of a LoRA file."""
    with safe_open(str(file), framework="pt") as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}, dict(opened.metadata() or {})  # noqa: SIM118


def read_metadata(file: Path) -> dict[str, str]:
    """The metadata alone."""
    with safe_open(str(file), framework="pt") as opened:
        return dict(opened.metadata() or {})


def ranks_of(file: Path) -> dict[str, int]:
    """Module -> rank of any LoRA file in kohya's layout. Raises BadLora for other kinds, by name."""
    try:
        with safe_open(str(file), framework="pt") as opened:
            shapes = {name: opened.get_slice(name).get_shape() for name in opened.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as problem:
        raise BadLora("lora-unreadable", file=str(file), why=str(problem)) from problem
    for kind, ends in _FOREIGN.items():
        if any(name.endswith(ends) for name in shapes):
            raise BadLora("other-kind-of-lora", file=str(file), kind=kind)
    suffix = ".lora_down.weight"
    return {name.removesuffix(suffix): shape[0] for name, shape in shapes.items() if name.endswith(suffix)}


def load_weights(network: Network, file: Path) -> None:
    """Go on from a LoRA of the same modules and ranks; alphas may differ, the product is kept. Raises BadLora."""
    there, ours = ranks_of(file), {name: one.spec.rank for name, one in network.modules.items()}
    if there != ours:
        wrong = sorted(name for name in there.keys() | ours.keys() if there.get(name) != ours.get(name))
        raise BadLora("other-lora", file=str(file), count=len(wrong), names=wrong[:3])
    tensors, _ = read_lora(file)
    for name, layer in network.modules.items():
        for key, weight in layer.tensors().items():
            if (found := tensors.get(f"{name}.{key}")) is None:
                raise BadLora("other-lora", file=str(file), count=1, names=[f"{name}.{key}"])
            weight.data.copy_(found.float())
        alpha = float(tensors.get(f"{name}.alpha", torch.tensor(float(layer.spec.rank))))
        layer.lora_B.weight.data *= alpha / layer.alpha


def write_tensors(file: Path, tensors: dict[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    """safetensors under a temporary name, renamed when complete, so that a kill leaves the old file or the new."""
    part = file.with_name(file.name + ".part")
    save_file(tensors, str(part), metadata=dict(metadata))
    with part.open("rb+") as written:
        os.fsync(written.fileno())
    part.replace(file)


def hashes(tensors: dict[str, torch.Tensor]) -> dict[str, str]:
    """`sshs_model_hash` (SHA-256 of the tensor bytes) and `sshs_legacy_hash` (64 kB at offset 1 MB), as kohya's."""
    blob = save(tensors)
    start = 8 + int.from_bytes(blob[:8], "little")
    window = blob[0x100000 : 0x100000 + 0x10000]
    return {
        "sshs_model_hash": hashlib.sha256(blob[start:]).hexdigest(),
        "sshs_legacy_hash": hashlib.sha256(window).hexdigest()[:8],
    }
