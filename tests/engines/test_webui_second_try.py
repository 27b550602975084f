"""A picture that the host fails at is tried once more: with less memory, or with the VAE in full precision."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from fake_webui import FakeWebui
from host_parts import FakeVae

from easyphoto.domain import RenderJob
from easyphoto.engines.webui.engine import WebuiEngine
from easyphoto.errors import RenderFailed
from easyphoto.progress import silent


class NansException(Exception):
    """As the host calls it."""


@pytest.fixture
def vae(webui: FakeWebui) -> FakeVae:
    made: FakeVae = webui.shared.sd_model.first_stage_model
    made.to(torch.float16)
    return made


def precision(webui: FakeWebui, vae: FakeVae) -> tuple[Any, Any]:
    """Of the network, and what the host takes it for."""
    return vae.precision, vae.vae_dtype if webui.forge else webui.devices.dtype_vae


@pytest.mark.parametrize("kind", ["black", "nan"])
def test_a_vae_in_half_precision_is_put_into_full_for_one_picture(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, vae: FakeVae, kind: str
):
    seen: list[tuple[Any, Any]] = []

    def fails_in_half(_call: Any) -> None:
        seen.append(precision(webui, vae))
        half = vae.precision is torch.float16
        webui.returns_blank = half and kind == "black"
        webui.failure = NansException("all NaNs") if half and kind == "nan" else None

    webui.during = fails_in_half
    (note,) = engine.render(host_job, silent).notes
    assert note.code == "webui.note.full-precision-vae"
    assert seen[0] == (torch.float16,) * 2 and seen[-1] == (torch.float32,) * 2
    assert precision(webui, vae) == (torch.float16,) * 2
    assert len(webui.calls) == 2


def test_black_in_full_precision_is_told_at_once(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, vae: FakeVae
):
    webui.returns_blank = True
    vae.vae_dtype = webui.devices.dtype_vae = torch.float32
    with pytest.raises(RenderFailed, match="black"):
        engine.render(host_job, silent)
    assert len(webui.calls) == 1


def test_black_again_is_told_and_the_vae_is_as_before(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, vae: FakeVae
):
    webui.returns_blank = True
    with pytest.raises(RenderFailed, match="black"):
        engine.render(host_job, silent)
    assert len(webui.calls) == 2 and precision(webui, vae) == (torch.float16,) * 2


def test_out_of_memory_other_models_go_and_steps_take_less(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    option, sparing = "batch_cond_uncond", []
    webui.options.data[option] = True
    webui.options.data_labels[option] = None
    if not webui.lazy:
        webui.sd_models.model_data.loaded_sd_models.append(object())

    def fails_at_first(_call: Any) -> None:
        sparing.append(not webui.options.data[option])
        webui.failure = None if sparing[-1] else RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")

    webui.during = fails_at_first
    (note,) = engine.render(host_job, silent).notes
    assert note.code == "webui.note.less-memory"
    assert sparing[0] is False and sparing[-1] is True and webui.options.data[option] is True
    gone = {"a1111": "cpu", "reforge": "all unloaded"}.get(webui.kind, "unloaded")
    assert webui.moved[:1] == [gone]
