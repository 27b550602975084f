"""What is tried once more when the host fails at a picture: with less memory, or with its VAE in full precision."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from PIL import Image

from easyphoto.engines.webui.host import Host, override_options
from easyphoto.engines.webui.img2img import Img2ImgCall, paint
from easyphoto.errors import RenderFailed
from easyphoto.locales import Message, message
from easyphoto.progress import Progress

SPARING = {"batch_cond_uncond": False}
"""Options of the host with which a step takes less memory: with and without the prompt one after the other."""


@dataclass(frozen=True)
class SecondTry:
    """Another way to the same picture."""

    way: Callable[[Host], AbstractContextManager[None]]
    helps: Callable[[Host], bool]
    note: str  # code of what is said about it


def paint_or_again(host: Host, call: Img2ImgCall, report: Progress) -> tuple[Image.Image, tuple[Message, ...]]:
    """As `paint`, once more in the way that helps against what it failed with; then a note says so."""
    try:
        return paint(host, call, report), ()
    except RenderFailed as problem:
        again = SECOND_TRIES.get(problem.code)
        if again is None or not again.helps(host):
            raise
    # Outside of the `except`, whose frames hold what filled the memory.
    with again.way(host):
        return paint(host, call, report), (message(again.note),)


@contextmanager
def _with_less_memory(host: Host) -> Iterator[None]:
    """Whatever the host does not need for this picture is off the device, and steps take less."""
    _make_room(host)
    with override_options(host, SPARING):
        yield


def _make_room(host: Host) -> None:
    """Hosts that load models when they are needed give up all of them, others those that are not selected."""
    import torch

    data = host.sd_models.model_data
    if host.kind.unload is not None:
        host.kind.unload(host.sd_models)
    else:
        for model in getattr(data, "loaded_sd_models", ()):
            if model is not data.sd_model:
                host.sd_models.send_model_to_cpu(model)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def _with_full_vae(host: Host) -> Iterator[None]:
    """The VAE of the loaded model computes in fp32; afterwards as before."""
    import torch

    network, holder, name = host.kind.vae(host.sd_models.model_data.sd_model)
    before = getattr(holder, name)
    _set_precision(network, holder, name, torch.float32)
    try:
        yield
    finally:
        _set_precision(network, holder, name, before)


def _set_precision(network: Any, holder: Any, name: str, precision: Any) -> None:
    network.to(precision)
    setattr(holder, name, precision)


def _has_half_vae(host: Host) -> bool:
    """Whether fp32 would be another precision; False where the host does not tell."""
    import torch

    try:
        _, holder, name = host.kind.vae(host.sd_models.model_data.sd_model)
        return getattr(holder, name) in (torch.float16, torch.bfloat16)
    except (AttributeError, ImportError):
        return False


_FULL_VAE = SecondTry(_with_full_vae, _has_half_vae, "webui.note.full-precision-vae")

SECOND_TRIES: Mapping[str, SecondTry] = MappingProxyType(
    {
        "webui.out-of-memory": SecondTry(_with_less_memory, lambda host: True, "webui.note.less-memory"),
        "webui.black-picture": _FULL_VAE,
        "webui.not-a-number": _FULL_VAE,
    }
)
"""By the code of a failure."""
