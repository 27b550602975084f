"""Weights from files into networks: nothing in a file is run, and every tensor has to find its place."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from easyphoto.errors import BadModel, MissingModel
from easyphoto.system_errors import shortage_of

Net = TypeVar("Net", bound=nn.Module)
Shape = TypeVar("Shape")

_PREFIXES = ("module.model.", "module.")  # what wrappers of a training put before every name
_COUNTER = "num_batches_tracked"  # of batch norms: older files have none, and nothing reads it here


def read_tensors(file: Path, part: str = "") -> dict[str, Tensor]:
    """Name -> float32 tensor of a ``.safetensors`` file or of one that torch saved.

    `part` is the entry that holds the network where a file holds several things; a file that has no such entry is the
    network itself. Raises MissingModel, BadModel.
    """
    if not file.is_file():
        raise MissingModel("modelscope.missing", stage="load face models", file=str(file))
    try:
        found = _read(file)
    except (RuntimeError, ValueError, KeyError, EOFError, OSError, pickle.UnpicklingError, zipfile.BadZipFile) as fault:
        damaged = BadModel("modelscope.damaged", stage="load face models", file=str(file))
        raise shortage_of(fault) or damaged from fault
    inner = found.get(part, found) if part else found
    tensors = {str(name): _usable(value) for name, value in inner.items() if isinstance(value, Tensor)}
    return without_prefix(tensors)


def _read(file: Path) -> Mapping[str, Any]:
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        tensors: Mapping[str, Any] = load_file(str(file))
        return tensors
    mapped = zipfile.is_zipfile(file)  # torch's older format cannot be mapped into memory
    loaded = torch.load(str(file), map_location="cpu", weights_only=True, mmap=mapped)
    if not isinstance(loaded, Mapping):
        raise ValueError("no table of tensors")  # noqa: TRY004  # the file's fault
    return loaded


def _usable(value: Tensor) -> Tensor:
    return value.detach().float() if value.is_floating_point() else value.detach()


def without_prefix(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same under the network's own names, where all of them carry one prefix of a training's wrapper."""
    for prefix in _PREFIXES:
        if tensors and all(name.startswith(prefix) for name in tensors):
            return {name[len(prefix) :]: value for name, value in tensors.items()}
    return dict(tensors)


def shape_of(measure: Callable[[Mapping[str, Tensor]], Shape], tensors: Mapping[str, Tensor], file: Path) -> Shape:
    """What `measure` reads off the tensors. Raises BadModel naming the first one that it misses: another network's."""
    try:
        return measure(tensors)
    except KeyError as fault:
        raise _other_network(file, len(tensors), str(fault.args[0])) from fault


def filled(make: Callable[[], Net], tensors: Mapping[str, Tensor], file: Path) -> Net:
    """The network with those tensors, for inference, on the CPU; it never holds weights of its own.

    Raises BadModel naming the first tensor that is missing, left over or of another shape: then it is another network.
    """
    with torch.device("meta"):
        network = make()
    wanted = network.state_dict()
    given = {name: torch.zeros((), dtype=torch.int64) for name in wanted if name.endswith(_COUNTER)} | dict(tensors)
    wrong = [name for name in {**wanted, **given} if _shape(wanted, name) != _shape(given, name)]
    if wrong:
        raise _other_network(file, len(wrong), min(wrong))
    network.load_state_dict(given, strict=True, assign=True)
    return network.eval().requires_grad_(False)


def _other_network(file: Path, count: int, first: str) -> BadModel:
    return BadModel("modelscope.other-network", stage="load face models", file=str(file), count=count, first=first)


def _shape(tensors: Mapping[str, Tensor], name: str) -> tuple[int, ...] | None:
    return tuple(tensors[name].shape) if name in tensors else None
