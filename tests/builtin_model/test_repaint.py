from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from builtin_model import repaint as module
from builtin_model.model import BaseModel, load
from builtin_model.repaint import FEWEST_STEPS, Repaint, repaint, timesteps, to_image, to_tensor

BASE = Path(__file__).resolve().parents[2] / "models" / "builtin" / "base"


@pytest.fixture(scope="module")
def model() -> BaseModel:
    return load(BASE)


@pytest.fixture(scope="module")
def job(astronaut: Path) -> Repaint:
    """A face of about 110 px in 192, a mask of its inner part."""
    picture = Image.open(astronaut).convert("RGB").crop((150, 10, 342, 202))
    mask = Image.new("L", picture.size)
    mask.paste(255, (40, 40, 152, 160))
    return Repaint(to_tensor(picture), to_tensor(mask), "1person, portrait", strength=0.1)


def test_it_repaints_inside_only_and_by_its_seed(model: BaseModel, job: Repaint):
    first = repaint(model, job)
    assert torch.equal(repaint(model, job), first)
    assert not torch.equal(repaint(model, replace(job, seed=1)), first)
    outside = (job.mask == 0).expand_as(first)
    assert torch.equal(first[outside], job.picture[outside])
    assert not torch.equal(first, job.picture)


def test_no_strength_gives_the_picture_back(model: BaseModel, job: Repaint):
    assert torch.equal(repaint(model, replace(job, strength=0.0)), job.picture)


@pytest.mark.parametrize(("strength", "steps", "count", "first"), [(1.0, 20, 20, 999), (0.1, 20, FEWEST_STEPS, 99)])
def test_timesteps_fall_from_the_strength(
    model: BaseModel, job: Repaint, strength: float, steps: int, count: int, first: int
):
    times = timesteps(model, replace(job, strength=strength, steps=steps))
    assert len(times) == count
    assert times[0] == first
    assert times == sorted(times, reverse=True)


def test_noises_come_in_pairs_that_cancel(job: Repaint):
    noise = module._noise(replace(job, samples=4), torch.zeros(1, 12, 8, 8))
    assert torch.equal(noise[0], -noise[1])
    assert torch.equal(noise[2], -noise[3])
    assert not torch.equal(noise[0], noise[2])
    assert module._noise(replace(job, samples=3), torch.zeros(1, 12, 8, 8)).shape[0] == 3


def test_the_pair_halves_the_grain(model: BaseModel, job: Repaint):
    alone, pair = (
        (repaint(model, replace(job, samples=count, strength=0.2)) - job.picture).abs().mean() for count in (1, 2)
    )
    assert pair < 0.75 * alone


def test_steps_are_told_and_can_end_the_work(model: BaseModel, job: Repaint):
    told: list[tuple[int, int]] = []
    repaint(model, job, lambda done, total: told.append((done, total)))
    assert told == [(done, 5) for done in range(1, 6)]

    class Stop(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        repaint(model, job, stop)


def test_guidance_uses_the_negative_prompt(model: BaseModel, job: Repaint):
    plain = repaint(model, replace(job, negative_prompt="dark"))
    assert torch.equal(plain, repaint(model, job))
    guided = replace(job, cfg_scale=3.0)
    assert not torch.equal(repaint(model, replace(guided, negative_prompt="dark")), repaint(model, guided))


def test_prompts_matter(model: BaseModel, job: Repaint):
    assert not torch.equal(repaint(model, job), repaint(model, replace(job, prompt="dark, cool, soft photo")))


@pytest.mark.parametrize(("strength", "most"), [(0.05, 3.5), (0.1, 4.5), (0.2, 7.0)])
def test_the_shipped_weights_neither_tint_nor_spoil(model: BaseModel, job: Repaint, strength: float, most: float):
    """Mean absolute change and colour cast inside the mask, in steps of 255."""
    change = (repaint(model, replace(job, strength=strength)) - job.picture)[..., 40:160, 40:152] * 127.5
    assert change.abs().mean() < most
    assert change.mean((0, 2, 3)).abs().max() < 1.5


def test_the_shipped_folder_is_small_and_has_no_pickles():
    files = [file for file in BASE.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 40e6
    assert {file.suffix for file in files} <= {".json", ".txt", ".safetensors", ".md"}


def test_pictures_survive_the_way_through_tensors():
    array = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    picture = Image.fromarray(array)
    assert to_image(to_tensor(picture)).tobytes() == picture.tobytes()
    assert to_tensor(picture.convert("L")).shape == (1, 1, 6, 5)


@pytest.fixture
def dressed() -> BaseModel:
    """The model with a random LoRA on its U-Net."""
    from peft import LoraConfig, inject_adapter_in_model

    model = load(BASE)
    torch.manual_seed(0)
    inject_adapter_in_model(LoraConfig(r=4, target_modules=["to_q", "to_v"], init_lora_weights=False), model.unet)
    return model


def test_the_bare_models_own_change_is_taken_by_its_share(model: BaseModel, job: Repaint):
    none, half, whole = (repaint(model, replace(job, own=share)) - job.picture for share in (0.0, 0.5, 1.0))
    assert none.abs().max() < 1e-5
    assert torch.allclose(half, whole / 2, atol=0.02)
    assert whole.abs().mean() > 0.005


def test_the_loras_part_is_taken_whole(model: BaseModel, dressed: BaseModel, job: Repaint):
    """With no share of its own, dressed = picture + (dressed alone - bare alone)."""
    bare, both = (repaint(with_lora, replace(job, own=1.0)) for with_lora in (model, dressed))
    difference = repaint(dressed, replace(job, own=0.0)) - job.picture
    assert difference.abs().max() > 0.002
    inside = (job.picture.abs() < 0.8) & (both.abs() < 1) & (bare.abs() < 1)
    assert torch.allclose(difference[inside], (both - bare)[inside], atol=1e-4)


def test_bare_takes_the_loras_off_and_puts_them_back(model: BaseModel, dressed: BaseModel, job: Repaint):
    text = dressed.encode_texts(["1person"])
    latents, time = torch.ones(1, 12, 8, 8), 100
    with torch.no_grad():
        plain, with_lora = (m.unet(latents, time, encoder_hidden_states=text).sample for m in (model, dressed))
        with pytest.raises(KeyError), dressed.bare():
            bare = dressed.unet(latents, time, encoder_hidden_states=text).sample
            raise KeyError
        again = dressed.unet(latents, time, encoder_hidden_states=text).sample
    assert torch.allclose(plain, bare, atol=1e-5)
    assert torch.equal(with_lora, again)
    assert not torch.allclose(plain, with_lora, atol=1e-3)


def test_both_runs_are_told(dressed: BaseModel, job: Repaint):
    told: list[tuple[int, int]] = []
    repaint(dressed, job, lambda done, total: told.append((done, total)))
    assert told == [(done, 10) for done in range(1, 11)]
