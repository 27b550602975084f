"""A job leaves no trace in the host: options, selected checkpoint, VAE."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
from fake_webui import FakeWebui

from easyphoto.domain import RenderJob
from easyphoto.engines.webui.engine import WebuiEngine
from easyphoto.engines.webui.img2img import QUIET
from easyphoto.errors import MissingModel, RenderFailed
from easyphoto.progress import Cancelled, Step, silent


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
    if webui.lazy:  # what it will load next is its own
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
    if webui.lazy:
        assert overrides == {"forge_additional_modules": ["/soft"]}
    else:
        assert overrides == {"sd_vae": "soft.safetensors", "sd_vae_overrides_per_model_preferences": True}
    with pytest.raises(MissingModel, match=r"gone\.pt.*soft"):
        WebuiEngine(lambda: "gone.pt").render(host_job, silent)
    WebuiEngine(lambda: "None").render(host_job, silent)
    assert webui.options.data == before, "the host itself restores only what stands in its settings file"


def test_a_clip_skip_of_the_user_is_out_of_force_for_the_job_only(webui: FakeWebui, host_job: RenderJob):
    webui.options.data["CLIP_stop_at_last_layers"] = 2
    seen: list[int] = []
    webui.during = lambda p: seen.append(webui.options.CLIP_stop_at_last_layers)
    WebuiEngine().render(host_job, silent)
    assert set(seen) == {1}
    assert webui.options.data["CLIP_stop_at_last_layers"] == 2


def test_what_a_user_chose_for_pictures_of_a_style_is_out_of_force_for_the_job_only(
    webui: FakeWebui, host_job: RenderJob
):
    chosen = {"initial_noise_multiplier": 1.3, "img2img_extra_noise": 0.2, "token_merging_ratio_img2img": 0.5}
    chosen |= {"s_min_uncond": 3.0, "sd_vae_encode_method": "TAESD"}
    webui.options.data |= chosen
    WebuiEngine().render(host_job, silent)
    plain = {name: QUIET[name] for name in chosen}
    assert {name: webui.seen[name] for name in chosen} == plain
    assert {name: webui.options.data[name] for name in chosen} == chosen
