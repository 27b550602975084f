"""The engine on a workflow's own models: what ComfyUI is asked, and that nothing of its is changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_comfyui import FakeComfyui, FakeControl, FakeVae, Interrupted, fake_clip, fake_model
from lora_files import numbered_modules, write_lora
from PIL import Image

from easyphoto.domain import SAMPLERS, ControlHint, HintKind, LoraUse, ModelFamily, RenderJob
from easyphoto.engines.comfyui.engine import WORKFLOW, ComfyuiEngine
from easyphoto.engines.comfyui.sampling import METHODS, SCHEDULES
from easyphoto.engines.comfyui.workflow import Workflow
from easyphoto.errors import MissingModel, RenderFailed
from easyphoto.progress import Cancelled, Step, silent

SIZE = (44, 30)


@pytest.fixture
def job() -> RenderJob:
    mask = Image.new("L", SIZE, 0)
    mask.paste(255, (10, 10, 30, 20))
    picture = Image.new("RGB", SIZE, (100, 120, 140))
    return RenderJob(WORKFLOW, "a face", "blurry", picture, mask, steps=20, strength=0.5, cfg_scale=7.0, seed=11)


def engine(**parts: Any) -> ComfyuiEngine:
    given: dict[str, Any] = {"model": fake_model(), "clip": fake_clip(), "vae": FakeVae(), **parts}
    return ComfyuiEngine(Workflow(**given))


def test_the_family_is_the_models_own(host: FakeComfyui):
    assert [engine(model=fake_model(kind)).checkpoint(WORKFLOW).family for kind in ("SD15", "SDXL")] == [
        ModelFamily.SD15,
        ModelFamily.SDXL,
    ]
    with pytest.raises(MissingModel):
        engine().checkpoint("built-in")


def test_the_masked_part_is_painted_and_the_rest_stays(host: FakeComfyui, job: RenderJob):
    steps: list[Step] = []
    made = engine().render(job, steps.append).picture
    before, after = np.asarray(job.picture), np.asarray(made)
    inside = np.asarray(job.mask) > 0
    assert np.array_equal(before[~inside], after[~inside])
    assert (after[inside] > before[inside]).all()
    (asked,) = host.sampled
    assert (asked["steps"], asked["denoise"], asked["cfg"], asked["seed"]) == (10, 0.5, 7.0, 11)
    assert (asked["sampler"], asked["scheduler"]) == ("dpmpp_2m_sde", "karras")
    assert tuple(asked["noise_mask"].shape) == (1, 32, 48)  # framed to multiples of 8
    assert float(asked["noise_mask"].max()) == 1.0
    assert (asked["positive"][0][0], asked["negative"][0][0]) == ("a face", "blurry")
    assert [step.done for step in steps] == list(range(11))


def test_wired_controls_are_chained_and_the_others_told(host: FakeComfyui, job: RenderJob):
    hints = tuple(ControlHint(kind, job.picture, 0.5) for kind in (HintKind.CANNY, HintKind.POSE, HintKind.COLOR))
    canny, pose = FakeControl("canny"), FakeControl("pose")
    made = engine(controls={HintKind.CANNY: canny, HintKind.POSE: pose}).render(replace(job, hints=hints), silent)
    (_, options), *_ = host.sampled[0]["positive"]
    assert options["control"].name == "pose" and options["control"].before.name == "canny"
    assert options["control"].shown == ((1, 3, 32, 48), 0.5) and options["control_apply_to_uncond"] is True
    assert canny.shown is None and pose.before is None
    assert host.sampled[0]["negative"][0][1] == {}
    assert [note.code for note in made.notes] == ["controlnet.note.left-out"]
    required = replace(job, hints=(replace(hints[2], required=True),))
    with pytest.raises(MissingModel):
        engine().render(required, silent)


def test_loras_are_put_on_clones(host: FakeComfyui, job: RenderJob, tmp_path: Path):
    file = write_lora(tmp_path / "anna.safetensors", numbered_modules(2))
    model = fake_model(known=set(numbered_modules(2)))
    engine(model=model).render(replace(job, loras=(LoraUse(file, 0.8),)), silent)
    assert host.sampled[0]["model"].patches == {name: [0.8] for name in numbered_modules(2)}
    assert model.patches == {}


def test_black_memory_and_the_button_have_their_own_ends(
    host: FakeComfyui, job: RenderJob, monkeypatch: pytest.MonkeyPatch
):
    import comfy.sample

    class Black(FakeVae):
        def decode(self, latent: Any) -> Any:
            return latent * float("nan")

    with pytest.raises(RenderFailed, match="black"):
        engine(vae=Black()).render(job, silent)
    for raised, expected in ((MemoryError(), RenderFailed), (Interrupted(), Cancelled)):

        def fail(*given: Any, problem: Exception = raised, **more: Any) -> Any:
            raise problem

        monkeypatch.setattr(comfy.sample, "sample", fail)
        with pytest.raises(expected):
            engine().render(job, silent)


def test_every_sampler_has_its_name_there():
    assert {sampler.method for sampler in SAMPLERS.values()} == set(METHODS)
    assert {sampler.schedule for sampler in SAMPLERS.values()} == set(SCHEDULES)


def test_the_device_is_lent_to_a_training(host: FakeComfyui):
    with engine().offloaded() as report:
        assert report is silent
    assert host.unloaded == 1


def test_checkpoints_of_the_host_are_base_models(host: FakeComfyui, tmp_path: Path):
    from lora_files import write_zeros

    from easyphoto.engines.comfyui.base_models import HostCheckpointsEngine
    from easyphoto.paths import Paths

    names = ["model.diffusion_model.x", "cond_stage_model.transformer.y"]
    host.checkpoints = {
        "mine.safetensors": write_zeros(tmp_path / "mine.safetensors", names),
        "other.safetensors": write_zeros(tmp_path / "other.safetensors", ["double_blocks.0"]),
        "old.ckpt": tmp_path / "old.ckpt",
    }
    made = HostCheckpointsEngine(Paths(tmp_path / "data"))
    assert [one.name for one in made.checkpoints()][-1] == "mine"
    assert made.checkpoint("mine").file == tmp_path / "mine.safetensors"
    with made.offloaded():
        assert host.unloaded == 1
