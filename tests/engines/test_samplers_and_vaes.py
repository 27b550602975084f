"""The sampler and the VAE that a job asks for, with the local engine."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import PNDMScheduler
from original_format import vae_name
from PIL import Image
from safetensors.torch import load_file, save_file
from toy_models import toy_vae

from easyphoto.domain import BUILTIN_CHECKPOINT, DEFAULT_SAMPLER, SAMPLERS, RenderJob
from easyphoto.engines.local.engine import LocalEngine
from easyphoto.engines.local.pipelines import scheduler_of
from easyphoto.engines.vae_files import find_vaes
from easyphoto.errors import BadModel, MissingModel
from easyphoto.paths import Paths
from easyphoto.progress import silent


@pytest.fixture
def place(toys: Path, tmp_path: Path) -> Path:
    """A data folder with the toys' checkpoints and VAEs in three forms, all of the same other weights."""
    weights = tmp_path / "weights"
    (weights / "vae").mkdir(parents=True)
    for name in ("small", "large", "single.safetensors"):
        (weights / name).symlink_to(toys / "weights" / name)
    torch.manual_seed(5)
    vae = toy_vae()
    vae.save_pretrained(weights / "vae" / "folder")
    state = {name: one.clone() for name, one in vae.state_dict().items()}
    save_file(state, weights / "vae" / "ours.safetensors")
    save_file({vae_name(name): _convolution(name, one) for name, one in state.items()},
              weights / "vae" / "original.safetensors")  # fmt: skip
    return tmp_path


def _convolution(name: str, weight: torch.Tensor) -> torch.Tensor:
    """Attention's projections are convolutions of one pixel in original files."""
    attention = ".attentions." in name and weight.ndim == 2
    return weight[:, :, None, None].clone() if attention else weight


@pytest.fixture
def engine(place: Path, toys: Path) -> LocalEngine:
    return LocalEngine(Paths(place, models=toys / "models"), device="cpu")


def takes_generator(scheduler: Any) -> bool:
    return "generator" in inspect.signature(scheduler.step).parameters


def painted(engine: LocalEngine, job: RenderJob) -> np.ndarray:
    rendered = engine.render(job, silent)
    assert rendered.notes == ()
    return np.asarray(rendered.picture, int)


def test_the_default_is_the_first_of_the_table():
    assert next(iter(SAMPLERS)) == DEFAULT_SAMPLER == "DPM++ 2M SDE Karras"
    assert all(name == sampler.name for name, sampler in SAMPLERS.items())


def test_every_sampler_denoises_and_no_two_alike():
    """A model that always says the same of the noise; the step's randomness is the same, too."""
    base, results = PNDMScheduler(beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1), {}
    start = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    for name in SAMPLERS:
        scheduler = scheduler_of(base, name)
        scheduler.set_timesteps(10)
        sample = start * scheduler.init_noise_sigma
        for time in scheduler.timesteps:
            noise = scheduler.scale_model_input(sample, time) * 0.5
            options = {"generator": torch.Generator().manual_seed(1)} if takes_generator(scheduler) else {}
            sample = scheduler.step(noise, time, sample, **options).prev_sample
        assert torch.isfinite(sample).all()
        results[name] = sample.numpy().tobytes()
    assert len(set(results.values())) == len(SAMPLERS)


@pytest.mark.parametrize("sampler", ["Heun", "DPM2 a Karras", "LMS", "LCM"])
def test_one_step_is_enough(engine: LocalEngine, job: RenderJob, sampler: str):
    assert painted(engine, replace(job, sampler=sampler, steps=1)).shape == np.asarray(job.picture).shape


def test_vaes_are_found_by_what_is_in_them(place: Path):
    folder = place / "weights" / "vae"
    save_file({"decoder.conv_in.weight": torch.zeros(8, 16, 3, 3)}, folder / "flux.safetensors")  # 16 latent channels
    (folder / "broken.safetensors").write_bytes(b"no header")
    (folder / "notes.txt").write_text("")
    (folder / "empty").mkdir()
    assert list(find_vaes(folder)) == ["folder", "original", "ours"]
    assert find_vaes(place / "nowhere") == {}


@pytest.mark.parametrize(
    ("checkpoint", "names"), [("small", ("ours",)), ("single", ("folder", "ours", "original.safetensors"))]
)
def test_a_vae_stands_in_in_all_three_forms(
    engine: LocalEngine, job: RenderJob, checkpoint: str, names: tuple[str, ...]
):
    job = replace(job, checkpoint=checkpoint)
    own = painted(engine, job)
    others = [painted(engine, replace(job, vae=name)) for name in names]
    assert (others[0] != own).any()
    assert all(np.abs(other - others[0]).max() <= 1 for other in others)
    assert (painted(engine, job) == own).all()  # and the checkpoint's own again


def test_a_checkpoint_without_vae_works_with_one(engine: LocalEngine, job: RenderJob, place: Path, toys: Path):
    tensors = load_file(toys / "weights" / "single.safetensors")
    kept = {name: one for name, one in tensors.items() if not name.startswith("first_stage_model.")}
    save_file(kept, place / "weights" / "bare.safetensors")
    job = replace(job, checkpoint="bare")
    with pytest.raises(BadModel, match="no autoencoder"):
        engine.render(job, silent)
    single = painted(engine, replace(job, vae="ours", checkpoint="single"))
    assert (painted(engine, replace(job, vae="ours")) == single).all()


def test_a_vae_that_is_not_there_is_named_with_those_that_are(engine: LocalEngine, job: RenderJob):
    assert engine.vaes() == ["folder", "original", "ours"]
    with pytest.raises(MissingModel, match="ours"):
        engine.render(replace(job, vae="gone"), silent)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: {name: one for name, one in state.items() if "conv_out" not in name},
        lambda state: {**state, "decoder.conv_out.weight": torch.zeros(3, 5, 3, 3)},
    ],
)
def test_a_damaged_vae_is_named(engine: LocalEngine, job: RenderJob, place: Path, change: Callable[[dict], dict]):
    save_file(change(load_file(place / "weights" / "vae" / "ours.safetensors")),
              place / "weights" / "vae" / "bad.safetensors")  # fmt: skip
    with pytest.raises(BadModel) as caught:
        engine.render(replace(job, vae="bad"), silent)
    assert caught.value.code == "engine.vae-not-loaded" and "bad" in caught.value.file


def test_the_built_in_model_keeps_its_own_and_says_so(toys: Path, job: RenderJob):
    rendered = LocalEngine(Paths(toys), device="cpu").render(
        replace(job, checkpoint=BUILTIN_CHECKPOINT, vae="ours"), silent
    )
    assert [note.code for note in rendered.notes] == ["engine.note.own-vae"]


def test_at_full_strength_nothing_of_the_picture_is_left(engine: LocalEngine, job: RenderJob):
    """So that a picture is drawn from text by a job on a gray one."""
    whole = replace(job, strength=1.0, mask=Image.new("L", job.picture.size, 255))
    gray = painted(engine, replace(whole, picture=Image.new("RGB", job.picture.size, "gray")))
    assert np.abs(painted(engine, whole) - gray).max() <= 1
