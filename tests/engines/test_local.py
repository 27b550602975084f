from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lora_files import write_lora
from PIL import Image

from easyphoto.domain import BUILTIN_CHECKPOINT, ControlHint, HintKind, LoraUse, ModelFamily, RenderJob
from easyphoto.engines.local.engine import LocalEngine
from easyphoto.errors import BadModel, BadRequest, MissingModel, RenderFailed
from easyphoto.paths import Paths
from easyphoto.progress import Cancelled, Step, silent


@pytest.fixture
def engine(toy_paths: Paths) -> LocalEngine:
    return LocalEngine(toy_paths, device="cpu")


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture).astype(int)


def canny(job: RenderJob, weight: float = 1.0) -> ControlHint:
    return ControlHint(HintKind.CANNY, job.picture, weight)


@pytest.mark.parametrize("name", ["small", "single", "large"])
def test_only_the_masked_part_changes_at_any_size(engine: LocalEngine, job: RenderJob, name: str):
    result = engine.render(replace(job, checkpoint=name), silent)
    changed = (pixels(result.picture) != pixels(job.picture)).any(-1)
    inside = np.asarray(job.mask) > 0
    assert result.picture.size == job.picture.size
    assert not changed[~inside].any()
    assert changed[inside].mean() > 0.5
    assert result.notes == ()


def test_the_single_file_is_the_same_model(engine: LocalEngine, job: RenderJob):
    folder = engine.render(job, silent).picture
    single = engine.render(replace(job, checkpoint="single"), silent).picture
    assert np.abs(pixels(folder) - pixels(single)).max() <= 1


def test_same_job_same_bytes_and_another_seed_another_picture(engine: LocalEngine, job: RenderJob):
    first = engine.render(job, silent).picture.tobytes()
    assert engine.render(job, silent).picture.tobytes() == first
    assert engine.render(replace(job, seed=8), silent).picture.tobytes() != first


@pytest.mark.parametrize("name", ["small", "large"])
def test_a_control_net_acts_by_its_weight(engine: LocalEngine, job: RenderJob, name: str):
    job = replace(job, checkpoint=name)
    with_hint = engine.render(replace(job, hints=(canny(job),)), silent)
    weightless = engine.render(replace(job, hints=(canny(job, 0.0),)), silent)
    plain = engine.render(job, silent)
    assert with_hint.notes == ()
    assert weightless.picture.tobytes() == plain.picture.tobytes() != with_hint.picture.tobytes()


def test_a_missing_control_net_is_noted(engine: LocalEngine, job: RenderJob):
    hint = ControlHint(HintKind.TILE, job.picture, 1.0)
    result = engine.render(replace(job, hints=(hint,)), silent)
    assert result.picture.tobytes() == engine.render(job, silent).picture.tobytes()
    assert len(result.notes) == 1
    assert "tile" in str(result.notes[0])


@pytest.mark.parametrize("name", ["small", BUILTIN_CHECKPOINT])
def test_a_required_control_net_that_is_missing_is_named_with_its_source(toys: Path, job: RenderJob, name: str):
    kind = HintKind.TILE if name == "small" else HintKind.CANNY
    paths = Paths(toys) if name == BUILTIN_CHECKPOINT else Paths(toys, models=toys / "models")
    hint = ControlHint(kind, job.picture, 1.0, required=True)
    with pytest.raises(MissingModel, match=kind.value) as caught:
        LocalEngine(paths, device="cpu").render(replace(job, checkpoint=name, hints=(hint,)), silent)
    if name == "small":
        assert "control_v11f1e_sd15_tile" in caught.value.file
        assert str(toys / "weights" / "controlnet") in caught.value.remedy


def test_a_required_control_net_that_is_there_serves(engine: LocalEngine, job: RenderJob):
    hint = ControlHint(HintKind.CANNY, job.picture, 1.0, required=True)
    assert engine.render(replace(job, hints=(hint,)), silent).notes == ()


def test_a_lora_acts_by_its_weight_and_is_taken_off(engine: LocalEngine, job: RenderJob, toys: Path):
    file = toys / "small_lora.safetensors"
    plain = engine.render(job, silent).picture.tobytes()
    strong = engine.render(replace(job, loras=(LoraUse(file, 1.0),)), silent).picture.tobytes()
    nothing = engine.render(replace(job, loras=(LoraUse(file, 0.0),)), silent).picture.tobytes()
    assert strong != plain == nothing
    assert engine.render(job, silent).picture.tobytes() == plain


def test_a_lora_that_does_not_fit_is_named_and_leaves_the_model_clean(engine: LocalEngine, job: RenderJob, toys: Path):
    plain = engine.render(job, silent).picture.tobytes()
    with pytest.raises(BadModel, match=r"misfit_lora"):
        engine.render(replace(job, loras=(LoraUse(toys / "misfit_lora.safetensors", 1.0),)), silent)
    assert engine.render(job, silent).picture.tobytes() == plain


def test_a_lora_with_a_module_too_many_is_refused(engine: LocalEngine, job: RenderJob, toys: Path, tmp_path: Path):
    from safetensors.torch import load_file, save_file

    tensors = load_file(toys / "small_lora.safetensors")
    for end in ("lora_down.weight", "lora_up.weight", "alpha"):
        known = next(name for name in tensors if name.endswith(end) and "to_q" in name)
        tensors[f"lora_unet_down_blocks_0_attentions_9_transformer_blocks_0_attn1_to_q.{end}"] = tensors[known].clone()
    save_file(tensors, tmp_path / "more.safetensors")
    with pytest.raises(BadModel, match=r"more\.safetensors"):
        engine.render(replace(job, loras=(LoraUse(tmp_path / "more.safetensors", 1.0),)), silent)


def test_every_step_is_reported(engine: LocalEngine, job: RenderJob):
    steps: list[Step] = []
    engine.render(job, steps.append)
    told = [(step.stage, step.done, step.total) for step in steps]
    assert told == [("load model", 0, 1), ("render", 1, 2), ("render", 2, 2)]


def test_a_model_that_is_held_is_not_loaded_again(engine: LocalEngine, job: RenderJob):
    engine.render(job, silent)
    steps: list[Step] = []
    engine.render(job, steps.append)
    assert "load model" not in [step.stage for step in steps]


@pytest.mark.parametrize("name", ["small", BUILTIN_CHECKPOINT])
def test_cancelled_passes_through(job: RenderJob, toys: Path, name: str):
    def stop(step: Step) -> None:
        raise Cancelled

    paths = Paths(toys) if name == BUILTIN_CHECKPOINT else Paths(toys, models=toys / "models")
    with pytest.raises(Cancelled):
        LocalEngine(paths, device="cpu").render(replace(job, checkpoint=name), stop)


@pytest.mark.parametrize("name", ["small", BUILTIN_CHECKPOINT])
def test_no_strength_no_change(job: RenderJob, toys: Path, name: str):
    paths = Paths(toys) if name == BUILTIN_CHECKPOINT else Paths(toys, models=toys / "models")
    result = LocalEngine(paths, device="cpu").render(replace(job, checkpoint=name, strength=0.0), silent)
    assert result.picture.tobytes() == job.picture.tobytes()


def test_a_low_strength_still_takes_a_step(engine: LocalEngine, job: RenderJob):
    result = engine.render(replace(job, steps=2, strength=0.05), silent)
    assert result.picture.tobytes() != job.picture.tobytes()


def test_numbers_that_are_none_are_no_picture(engine: LocalEngine, job: RenderJob):
    import torch

    engine.render(job, silent)
    assert engine._loaded is not None
    with torch.no_grad():
        engine._loaded.base.vae.decoder.conv_out.weight.fill_(float("nan"))
    with pytest.raises(RenderFailed, match="black"):
        engine.render(job, silent)


def test_released_holds_nothing_and_the_next_render_works(engine: LocalEngine, job: RenderJob):
    first = engine.render(job, silent).picture.tobytes()
    with engine.offloaded():
        assert engine._loaded is None
    assert engine.render(job, silent).picture.tobytes() == first


def test_a_long_prompt_is_noted(engine: LocalEngine, job: RenderJob):
    result = engine.render(replace(job, prompt="portrait " * 90), silent)
    assert any("77 tokens" in str(note) for note in result.notes)


def test_checkpoints_by_name(toys: Path):
    engine = LocalEngine(Paths(toys))
    families = {found.name: found.family for found in engine.checkpoints()}
    assert families == {
        BUILTIN_CHECKPOINT: ModelFamily.BUILTIN,
        "experimental": ModelFamily.EXPERIMENTAL,
        "small": ModelFamily.SD15,
        "single": ModelFamily.SD15,
        "large": ModelFamily.SDXL,
    }
    assert engine.checkpoint("single.safetensors").file == toys / "weights" / "single.safetensors"
    with pytest.raises(MissingModel, match="small"):
        engine.checkpoint("dreams")


def test_sizes_that_differ_are_refused(engine: LocalEngine, job: RenderJob):
    with pytest.raises(BadRequest, match="size"):
        engine.render(replace(job, mask=Image.new("L", (8, 8))), silent)


def test_the_embedded_model_wears_a_lora(job: RenderJob, toys: Path, tmp_path: Path):
    from toy_models import attention_modules

    engine = LocalEngine(Paths(toys), device="cpu")
    job = replace(job, checkpoint=BUILTIN_CHECKPOINT, strength=0.2)
    file = tmp_path / "person.safetensors"
    plain = engine.render(replace(job, hints=(canny(job),)), silent)
    assert any("canny" in str(note) for note in plain.notes)
    assert engine._loaded is not None
    base = engine._loaded.base
    text = attention_modules(base.text_encoder, "lora_te_text_model")
    write_lora(file, {**attention_modules(base.unet, "lora_unet"), **text}, 4.0)
    with_lora = engine.render(replace(job, loras=(LoraUse(file, 1.0),)), silent)
    assert with_lora.picture.tobytes() != plain.picture.tobytes()
    assert engine.render(job, silent).picture.tobytes() == plain.picture.tobytes()


def test_loading_says_nothing_on_the_console(
    engine: LocalEngine, job: RenderJob, toys: Path, capfd: pytest.CaptureFixture[str]
):
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    engine.render(replace(job, loras=(LoraUse(toys / "small_lora.safetensors", 1.0),)), silent)
    assert "Loading" not in "".join(capfd.readouterr())
    assert logging.get_verbosity() == verbosity
    assert logging.is_progress_bar_enabled()
