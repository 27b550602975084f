"""The local engine where memory is short: two passes with ControlNet and LoRA in every way, and half precision."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from easyphoto.domain import ControlHint, HintKind, LoraUse, RenderJob
from easyphoto.engines.local import diffusers_renderer, memory
from easyphoto.engines.local.engine import LocalEngine
from easyphoto.engines.local.pipelines import DevicePlacement
from easyphoto.errors import RenderFailed
from easyphoto.paths import Paths
from easyphoto.progress import silent


@pytest.fixture
def engine(toy_paths: Paths) -> LocalEngine:
    return LocalEngine(toy_paths, device="cpu")


def portrait_jobs(job: RenderJob, toys: Path, checkpoint: str) -> tuple[RenderJob, RenderJob]:
    """Two passes as a portrait has them: canny in both."""
    loras = (LoraUse(toys / "small_lora.safetensors", 1.0),) if checkpoint == "small" else ()
    first = replace(job, checkpoint=checkpoint, hints=(ControlHint(HintKind.CANNY, job.picture, 1.0),), loras=loras)
    return first, replace(first, seed=8, strength=0.4)


@pytest.mark.parametrize("checkpoint", ["small", "large"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("offload", [1, 2])
def test_both_passes_of_a_portrait_work_with_a_gpus_short_memory(
    toy_paths: Paths,
    job: RenderJob,
    toys: Path,
    monkeypatch: pytest.MonkeyPatch,
    checkpoint: str,
    device: str,
    offload: int,
):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    if device == "cpu" and offload == 2:
        pytest.skip("accelerate takes a CPU's weights for tied ones when it offloads them layer by layer")
    engine = LocalEngine(toy_paths, device=device)
    jobs = portrait_jobs(job, toys, checkpoint)
    expected = [engine.render(one, silent).picture for one in jobs]
    monkeypatch.setitem(memory.OFFLOADS, "cpu", memory.OFFLOADS["cuda"])  # with hooks, as on a GPU
    assert engine._loaded is not None
    engine._loaded.offload = offload
    for one, before in zip(jobs, expected, strict=True):
        result = engine.render(one, silent)
        assert result.notes == ()
        assert np.abs(np.asarray(result.picture, int) - np.asarray(before, int)).max() <= (1 if device == "cpu" else 8)
    assert not any(weight.is_meta for weight in engine._loaded.base.unet.parameters())


def test_memory_runs_out_once_at_each_way_then_it_is_told(
    engine: LocalEngine, job: RenderJob, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(memory.OFFLOADS, "cpu", memory.OFFLOADS["cuda"])
    tried: list[int] = []

    def none_left(*args: Any) -> Image.Image:
        assert engine._loaded is not None
        tried.append(engine._loaded.offload)
        raise RuntimeError("MPS backend out of memory (MPS allocated: 9.0 GB)")

    monkeypatch.setattr(diffusers_renderer, "_inpaint", none_left)
    with pytest.raises(RenderFailed) as caught:
        engine.render(job, silent)
    assert (caught.value.code, tried, engine._loaded) == ("engine.out-of-memory", [0, 1, 2], None)


def test_the_second_try_starts_without_what_filled_the_memory(
    engine: LocalEngine, job: RenderJob, monkeypatch: pytest.MonkeyPatch
):
    class Activation:
        """Stands for tensors of the failed try."""

    real, held = diffusers_renderer._inpaint, []

    def short(*args: Any) -> Image.Image:
        if held:
            gc.collect()
            assert held[0]() is None
            return real(*args)
        activation = Activation()
        held.append(weakref.ref(activation))
        raise torch.OutOfMemoryError("none left")

    monkeypatch.setattr(diffusers_renderer, "_inpaint", short)
    assert [note.code for note in engine.render(job, silent).notes] == ["engine.note.slower"]
    assert engine.render(job, silent).notes == ()  # said once


def test_another_error_is_no_lack_of_memory(engine: LocalEngine, job: RenderJob, monkeypatch: pytest.MonkeyPatch):
    def broken(*args: Any) -> Image.Image:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(diffusers_renderer, "_inpaint", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        engine.render(job, silent)


def test_black_in_half_precision_is_made_in_full_and_the_next_pass_starts_there(
    engine: LocalEngine, job: RenderJob, monkeypatch: pytest.MonkeyPatch
):
    half = DevicePlacement("cpu", torch.bfloat16)
    monkeypatch.setattr("easyphoto.engines.local.engine.choose_placement", lambda device: half)
    real, opened = diffusers_renderer._inpaint, []

    def black(pipe: Any, *more: Any) -> Image.Image:
        painted: Image.Image = real(pipe, *more)
        return Image.new("RGB", painted.size) if pipe.unet.dtype == torch.bfloat16 else painted

    monkeypatch.setattr(diffusers_renderer, "_inpaint", black)
    monkeypatch.setattr(diffusers_renderer, "open_base", lambda *a, _real=diffusers_renderer.open_base: (
        opened.append(a), _real(*a))[1])  # fmt: skip
    first = engine.render(job, silent)
    assert [note.code for note in first.notes] == ["engine.note.full-precision"]
    assert engine.render(job, silent).notes == ()
    assert len(opened) == 1


@pytest.mark.parametrize(("free", "expected"), [(520, 0), (519, 1), (390, 1), (389, 2)])
def test_a_model_larger_than_the_free_memory_starts_offloaded(
    monkeypatch: pytest.MonkeyPatch, free: int, expected: int
):
    """Networks of 300 and 100 bytes; a third more is needed to work."""
    networks = {"unet": torch.nn.Linear(75, 1, bias=False), "vae": torch.nn.Linear(25, 1, bias=False), "scheduler": 1}
    pipe = SimpleNamespace(components=networks)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10**12))
    assert memory.first_offload(pipe, "cuda:0") == expected
    assert memory.first_offload(pipe, "cpu") == 0
