"""The engine inside a host of recorded interfaces: what it asks, what it refuses, and that it leaves no trace."""

from __future__ import annotations

import copy
import json
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_webui import FakeWebui
from PIL import Image

from easyphoto.domain import RenderJob
from easyphoto.engines.webui.engine import WebuiEngine
from easyphoto.errors import BadRequest, MissingModel, MissingPackage, RenderFailed
from easyphoto.progress import Cancelled, Step, silent


@pytest.fixture
def engine() -> WebuiEngine:
    return WebuiEngine()


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture).astype(int)


def traces(host: FakeWebui) -> tuple[object, ...]:
    """Everything of the host's that a job of ours could have left changed."""
    return (
        copy.deepcopy(host.options.data),
        host.lock.free,
        host.state.job,
        host.state.current_latent,
        host.hooked,
        host.scripts.scripts_img2img.alwayson_scripts[0].args_to,
        host.shared.sd_model.sd_checkpoint_info.name,
    )


# what is asked of the host


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
    assert (call.width, call.height) == (72, 64)  # multiples of eight
    assert call.init_images[0].size == call.image_mask.size == (72, 64)
    assert set(np.unique(np.asarray(call.image_mask))) == {0, 255}
    assert (call.prompt, call.negative_prompt) == (host_job.prompt, host_job.negative_prompt)
    assert (call.steps, call.seed, call.cfg_scale, call.denoising_strength) == (4, 7, 2.0, 0.5)
    assert (call.sampler_name, call.scheduler) == ("DPM++ 2M SDE", "Karras")
    assert (call.inpaint_full_res, call.mask_blur, call.inpainting_fill) == (False, 0, 1)
    assert (call.do_not_save_samples, call.do_not_save_grid) == (True, True)
    assert (call.restore_faces, call.tiling) == (False, False)
    assert call.is_api is True
    assert call.scripts is None
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


# no trace


@pytest.mark.parametrize("name", ["one", "two"])
@pytest.mark.parametrize("trouble", ["none", "failure", "nothing", "cancel"])
def test_the_host_is_as_it_was(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, name: str, trouble: str):
    def report(step: Step) -> None:
        if trouble == "cancel":
            raise Cancelled

    before = traces(webui)
    webui.failure = RuntimeError("broken") if trouble == "failure" else None
    webui.returns_nothing = trouble == "nothing"
    job = replace(host_job, checkpoint=name)
    if trouble == "none":
        engine.render(job, report)
    else:
        with pytest.raises((RenderFailed, Cancelled)):
            engine.render(job, report)
    if webui.forge:  # loads lazily; what it will load next is its own
        webui._reload()
    assert traces(webui) == before


def test_during_the_job_the_host_shows_and_keeps_nothing_of_it(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    webui.options.data |= {"save_init_img": True, "img2img_color_correction": True, "return_mask": True}
    engine.render(host_job, silent)
    quiet = ("live_previews_enable", "save_init_img", "img2img_color_correction", "return_mask")
    assert [webui.seen[name] for name in quiet] == [False] * 4
    assert [webui.options.data[name] for name in quiet] == [True] * 4


def test_what_a_user_sets_meanwhile_stays_and_a_file_written_meanwhile_has_nothing_of_ours(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    def somebody(p: object) -> None:
        webui.options.data["return_mask"] = "edited"
        webui.options.save(webui.shared.config_filename)

    webui.during = somebody
    webui.options.data["return_mask"] = True
    engine.render(replace(host_job, checkpoint="two"), silent)
    saved = json.loads(Path(webui.shared.config_filename).read_text())
    assert saved == webui.options.data
    assert (saved["live_previews_enable"], saved["return_mask"]) == (True, "edited")
    assert saved["sd_model_checkpoint"].startswith("one")


def test_an_option_the_host_does_not_know_is_not_invented(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    for name in ("control_net_no_detectmap", "return_mask"):
        del webui.options.data_labels[name]
    engine.render(host_job, silent)
    assert "return_mask" not in webui.seen
    assert "return_mask" not in webui.options.data


def test_stale_marks_of_an_earlier_job_mean_nothing(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    webui.state.interrupted = webui.state.skipped = True
    assert engine.render(host_job, silent).picture.size == host_job.picture.size
    assert webui.state.jobs == ["easyphoto"]


# checkpoints kept and given back


def test_inside_at_work_the_checkpoint_stays_and_afterwards_the_hosts_own_is_back(
    a1111: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    job = replace(host_job, checkpoint="two")
    with engine.session():
        engine.render(job, silent)
        engine.render(job, silent)
        assert a1111.shared.sd_model.sd_checkpoint_info.name == "two.safetensors"
    assert a1111.reloads == 2
    assert a1111.shared.sd_model.sd_checkpoint_info.name == "one.safetensors"


def test_at_work_gives_back_after_a_failure_and_does_not_wait_for_others(
    a1111: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    with pytest.raises(ValueError, match="template"), engine.session():
        engine.render(replace(host_job, checkpoint="two"), silent)
        raise ValueError("template")
    assert a1111.shared.sd_model.sd_checkpoint_info.name == "one.safetensors"
    with engine.session():
        a1111.lock.acquire()  # somebody else's job, which loads what the host has selected
    a1111.lock.release()


def test_a_checkpoint_that_the_host_did_not_load_gives_no_picture(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    webui.ignores_checkpoint = True
    with pytest.raises(RenderFailed, match="did not load"):
        engine.render(replace(host_job, checkpoint="two"), silent)


def test_frozen_settings_stop_another_checkpoint_only(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    webui.options.frozen = True
    engine.render(host_job, silent)
    with pytest.raises(RenderFailed) as caught:
        engine.render(replace(host_job, checkpoint="two"), silent)
    assert "frozen" in caught.value.remedy


def test_a_vae_is_checked_and_overridden_for_the_job_only(webui: FakeWebui, host_job: RenderJob):
    before = copy.deepcopy(webui.options.data)
    WebuiEngine(lambda: "soft.safetensors").render(host_job, silent)
    (overrides,) = [call.override_settings for call in webui.calls]
    if webui.forge:
        assert overrides == {"forge_additional_modules": ["/soft"]}
    else:
        assert overrides == {"sd_vae": "soft.safetensors", "sd_vae_overrides_per_model_preferences": True}
    with pytest.raises(MissingModel, match=r"gone\.pt.*soft"):
        WebuiEngine(lambda: "gone.pt").render(host_job, silent)
    WebuiEngine(lambda: "None").render(host_job, silent)
    assert webui.options.data == before, "the host itself restores only what stands in its settings file"


# progress and cancelling


def test_every_step_is_reported_and_loading_is_told(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    webui.pause, webui.loading, told = 0.05, 0.05, []
    engine.render(replace(host_job, checkpoint="two"), lambda step: told.append((step.stage, step.done, step.total)))
    assert told[0] == ("load model", 0, 1)
    assert ("render", 1, 3) in told
    assert told[-1] == ("render", 4, 4)
    assert {total for _, _, total in told} == {1, 3, 4}, "not the steps of the job before"


def test_what_the_report_raises_stops_the_host_and_comes_out(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    class Odd(Exception):
        pass

    def report(step: Step) -> None:
        if step.done:
            raise Odd

    webui.steps, webui.pause = 500, 0.01
    begun = time.monotonic()
    with pytest.raises(Odd):
        engine.render(host_job, report)
    assert time.monotonic() - begun < 3


def test_the_mark_is_set_again_when_another_job_clears_it(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    def cleared_once(p: object) -> None:
        if webui.state.interrupted and not cleared:
            cleared.append(True)
            webui.state.interrupted = False

    def report(step: Step) -> None:
        if step.done:
            raise Cancelled

    cleared: list[bool] = []
    webui.steps, webui.pause, webui.during = 500, 0.01, cleared_once
    with pytest.raises(Cancelled):
        engine.render(host_job, report)
    assert cleared
    assert webui.state.sampling_step < 400


@pytest.mark.parametrize("mark", ["interrupted", "skipped", "stopping_generation"])
def test_the_hosts_own_button_cancels(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, mark: str):
    webui.during = lambda p: setattr(webui.state, mark, True)
    with pytest.raises(Cancelled):
        engine.render(host_job, silent)


def test_waiting_for_the_queue_is_told_and_can_be_cancelled(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    told: list[str] = []

    def report(step: Step) -> None:
        told.append(step.stage)
        if len(told) == 3:
            raise Cancelled

    webui.lock.acquire()
    with pytest.raises(Cancelled):
        engine.render(host_job, report)
    assert told == ["waiting"] * 3
    assert webui.calls == []
    webui.lock.release()
    assert nobody_in_line()
    assert webui.lock.free, "whoever stood in line for us has given the lock back"


def test_a_lock_that_is_handed_over_while_we_give_up_is_given_back(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    def report(step: Step) -> None:
        webui.lock.release()
        assert nobody_in_line()
        raise Cancelled

    webui.lock.acquire()
    with pytest.raises(Cancelled):
        engine.render(host_job, report)
    assert webui.lock.free


def test_after_waiting_the_job_is_done(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    told: list[str] = []
    webui.lock.acquire()
    threading.Timer(0.1, webui.lock.release).start()
    engine.render(host_job, lambda step: told.append(step.stage))
    assert {"waiting", "render"} <= set(told)
    assert webui.lock.free


def test_many_at_once_take_turns(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    """The fake asserts that the queue is held; were it held twice, `release` would raise."""
    problems: list[BaseException] = []

    def work() -> None:
        try:
            engine.render(host_job, silent)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(webui.calls) == 6
    assert webui.lock.free


def nobody_in_line() -> bool:
    """When the thread that waits for the queue in our place has ended."""
    end = time.monotonic() + 5
    while any(thread.name == "easyphoto-queue" for thread in threading.enumerate()):
        time.sleep(0.01)
        if time.monotonic() > end:
            return False
    return True


# failures in words


class NansException(Exception):
    """As the host calls it."""


@pytest.mark.parametrize(
    ("failure", "words", "remedy"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "memory", "--medvram"),
        (NansException("A tensor with all NaNs"), "no numbers", "--no-half-vae"),
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


def test_sizes_that_differ_are_refused(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    with pytest.raises(BadRequest, match="size"):
        engine.render(replace(host_job, mask=Image.new("L", (8, 8))), silent)


# lending the device


@pytest.mark.parametrize("crash", [False, True])
def test_released_empties_the_device_and_gives_everything_back(webui: FakeWebui, engine: WebuiEngine, crash: bool):
    def train() -> None:
        with engine.offloaded():
            assert webui.moved == (["unloaded"] if webui.forge else ["controls", "cpu"])
            assert not webui.lock.free, "nobody generates meanwhile"
            if crash:
                raise ValueError("trainer")

    if crash:
        with pytest.raises(ValueError, match="trainer"):
            train()
    else:
        train()
    assert webui.moved == (["unloaded"] if webui.forge else ["controls", "cpu", "device"])
    assert webui.lock.free


def test_rendering_while_the_device_is_lent_is_refused_not_waited_for(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    with engine.offloaded(), pytest.raises(RenderFailed, match="training"):
        engine.render(host_job, silent)
    engine.render(host_job, silent)


def test_waiting_for_the_device_can_be_cancelled(webui: FakeWebui, engine: WebuiEngine):
    def report(step: Step) -> None:
        raise Cancelled

    webui.lock.acquire()
    with pytest.raises(Cancelled), engine.offloaded(report):
        pass
    webui.lock.release()
    assert webui.moved == []
    assert nobody_in_line()
    assert webui.lock.free


def test_a_model_that_cannot_go_back_does_not_cost_the_training(a1111: FakeWebui, engine: WebuiEngine):
    def refuse(model: object) -> None:
        raise RuntimeError("CUDA out of memory")

    a1111.sd_models.send_model_to_device = refuse
    with engine.offloaded():
        pass
    assert a1111.lock.free


def test_a_host_whose_model_is_not_loaded_lends_as_well(a1111: FakeWebui, engine: WebuiEngine):
    a1111.sd_models.model_data.sd_model = None
    a1111.sd_models.model_data.loaded_sd_models = []
    with engine.offloaded():
        pass
    assert a1111.moved == ["controls"]
