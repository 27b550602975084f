"""The engine in a WebUI: what is asked of the host, its failures in words."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from fake_webui import FakeWebui
from PIL import Image

from easyphoto.domain import RenderJob
from easyphoto.engines.webui.engine import WebuiEngine
from easyphoto.errors import BadRequest, MissingModel, MissingPackage, RenderFailed
from easyphoto.progress import silent


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture).astype(int)


def test_only_the_masked_part_changes(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    soft = host_job.mask.copy()
    soft.paste(40, (8, 8, 16, 40))
    job = replace(host_job, mask=soft)
    result = engine.render(job, silent)
    changed = (pixels(result.picture) != pixels(job.picture)).any(-1)
    assert result.picture.size == job.picture.size
    assert not changed[np.asarray(soft) == 0].any()
    assert changed[np.asarray(soft) > 0].mean() > 0.9
    assert result.notes == ()


def test_the_job_arrives_whole(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    engine.render(host_job, silent)
    (call,) = webui.calls
    framed = (128, 64) if webui.kind == "forge_neo" else (72, 64)  # it rounds to 64 by itself, the others to eight
    assert (call.width, call.height) == framed
    assert call.init_images[0].size == call.image_mask.size == framed
    assert set(np.unique(np.asarray(call.image_mask))) == {0, 255}
    assert (call.prompt, call.negative_prompt) == (host_job.prompt, host_job.negative_prompt)
    assert (call.steps, call.seed, call.cfg_scale, call.denoising_strength) == (4, 7, 2.0, 0.5)
    assert (call.sampler_name, call.scheduler) == ("DPM++ 2M SDE", "Karras")
    assert (call.inpaint_full_res, call.mask_blur, call.inpainting_fill) == (False, 0, 1)
    assert (call.do_not_save_samples, call.do_not_save_grid) == (True, True)
    assert (call.restore_faces, call.tiling) == (False, False)
    assert call.is_api is True
    assert call.scripts.alwayson_scripts == []
    assert call.scripts is not webui.scripts.scripts_img2img
    assert call.closed


@pytest.mark.parametrize(("steps", "strength"), [(3, 0.3), (20, 0.02), (1, 1.0), (49, 1 / 49), (50, 0.45)])
def test_there_are_two_sampler_steps_at_least(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, steps: int, strength: float
):
    """With a single one DPM++ 2M SDE fails in A1111."""
    engine.render(replace(host_job, steps=steps, strength=strength), silent)
    assert webui.calls[0].steps >= max(steps, 2)
    assert int(webui.calls[0].steps * strength) >= 1
    assert steps != 50 or webui.calls[0].steps == 50


def test_faint_parts_of_the_mask_are_painted_whole_since_our_blend_feathers(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    engine.render(replace(host_job, mask=host_job.mask.point(lambda value: 30 if value else 0)), silent)
    assert np.asarray(webui.calls[0].image_mask).max() == 255


def test_an_older_host_gets_the_joined_sampler_name(a1111: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    del a1111.processing.StableDiffusionProcessing.scheduler
    a1111.samplers.all_samplers.append(type("S", (), {"name": "DPM++ 2M SDE Karras"}))
    assert engine.render(host_job, silent).notes == ()
    assert a1111.calls[0].sampler_name == "DPM++ 2M SDE Karras"
    assert not hasattr(a1111.calls[0], "scheduler")


def test_a_host_without_the_sampler_gets_another_and_says_so(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    webui.samplers.all_samplers[:] = [s for s in webui.samplers.all_samplers if "2M SDE" not in s.name]
    (note,) = engine.render(host_job, silent).notes
    assert "Euler a" in str(note)
    assert webui.calls[0].sampler_name == "Euler a"


@pytest.mark.parametrize(
    ("name", "expected"), [("DPM2 a", ("DPM2 a", "Automatic")), ("DPM++ 2M Karras", ("DPM++ 2M", "Karras"))]
)
def test_the_sampler_that_is_asked_for(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, name: str, expected: tuple[str, str]
):
    assert engine.render(replace(host_job, sampler=name), silent).notes == ()
    assert (webui.calls[0].sampler_name, webui.calls[0].scheduler) == expected


def test_a_jobs_vae_goes_before_the_settings(a1111: FakeWebui, host_job: RenderJob):
    engine = WebuiEngine(lambda: "None")
    assert engine.vaes() == ["soft.safetensors"]
    engine.render(replace(host_job, vae="soft.safetensors"), silent)
    assert a1111.calls[0].override_settings["sd_vae"] == "soft.safetensors"
    with pytest.raises(MissingModel):
        engine.render(replace(host_job, vae="hard"), silent)


def test_forge_generates_in_its_one_thread(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    engine.render(host_job, silent)
    assert (webui.threads == ["forge-main"]) is webui.forge


def test_no_strength_and_no_mask_ask_nothing_of_the_host(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    empty = Image.new("L", host_job.picture.size)
    for job in (replace(host_job, strength=0.0), replace(host_job, mask=empty)):
        assert engine.render(job, silent).picture.tobytes() == job.picture.tobytes()
    assert webui.calls == []


def test_the_hosts_random_numbers_are_ours_for_the_job_only(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    import torch

    drawn: list[float] = []
    webui.during = lambda p: drawn.append(float(torch.randn(1)))
    before = torch.get_rng_state()
    engine.render(host_job, silent)
    assert torch.equal(torch.get_rng_state(), before)
    torch.randn(5)
    engine.render(host_job, silent)
    assert drawn[:3] == drawn[3:]


def test_outside_of_a_webui_there_is_a_sentence(engine: WebuiEngine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "modules", None)
    with pytest.raises(MissingPackage, match="WebUI"):
        engine.checkpoints()


class NansException(Exception):
    """As the host calls it."""


@pytest.mark.parametrize(
    ("failure", "words", "remedy"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "memory", "--medvram"),
        (NansException("A tensor with all NaNs"), "NaN values", "--no-half-vae"),
        (ValueError("odd\n thing"), "odd thing", "console"),
    ],
)
def test_what_the_host_raises_is_told(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, failure: Exception, words: str, remedy: str
):
    webui.failure = failure
    with pytest.raises(RenderFailed, match=words) as caught:
        engine.render(host_job, silent)
    assert remedy in caught.value.remedy
    assert caught.value.__cause__ is failure


def test_no_picture_and_a_black_one_are_failures(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    webui.returns_blank = True
    with pytest.raises(RenderFailed, match="black") as caught:
        engine.render(host_job, silent)
    assert "--no-half-vae" in caught.value.remedy
    webui.returns_blank, webui.returns_nothing = False, True
    with pytest.raises(RenderFailed, match="no picture"):
        engine.render(host_job, silent)


def test_a_picture_of_another_size_is_a_failure_since_the_face_would_lie_elsewhere(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    webui.other_size = (80, 64)
    with pytest.raises(RenderFailed, match="80x64"):
        engine.render(host_job, silent)


def test_black_inside_the_mask_is_a_failure_whatever_is_laid_over_outside(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    webui.blank_in_mask = True
    with pytest.raises(RenderFailed, match="black"):
        engine.render(host_job, silent)


def test_sizes_that_differ_are_refused(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    with pytest.raises(BadRequest, match="size"):
        engine.render(replace(host_job, mask=Image.new("L", (8, 8))), silent)
