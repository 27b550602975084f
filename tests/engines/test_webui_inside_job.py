"""The engine called from within a job of the host's own: nothing waits for itself, and the job goes on as it was."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest
from fake_webui import FakeWebui
from PIL import Image

from easyphoto.domain import ControlHint, HintKind, RenderJob
from easyphoto.engines.webui.engine import WebuiEngine
from easyphoto.errors import RenderFailed
from easyphoto.progress import Cancelled, Step, silent


@pytest.fixture
def inside(webui: FakeWebui) -> WebuiEngine:
    """Its own job holds the queue and has begun; two pictures of it are to come."""
    webui.lock.acquire()
    webui.state.begin("txt2img")
    webui.state.job_count = 2
    return WebuiEngine(inside_job=True)


def test_it_renders_in_the_queue_and_the_thread_of_the_job(webui: FakeWebui, inside: WebuiEngine, host_job: RenderJob):
    with inside.session():
        assert inside.render(host_job, silent).picture.size == host_job.picture.size
    assert webui.threads == ["MainThread"], "a thread that waits for itself never ends"
    assert not webui.lock.free
    assert webui.state.jobs == ["txt2img"]
    assert (webui.state.job, webui.state.job_count) == ("txt2img", 3)
    assert webui.reloads == 0


@pytest.mark.parametrize("mark", ["interrupted", "skipped"])
def test_a_button_of_the_hosts_ends_it(webui: FakeWebui, inside: WebuiEngine, host_job: RenderJob, mark: str):
    webui.during = lambda p: setattr(webui.state, mark, True)
    with pytest.raises(Cancelled):
        inside.render(host_job, silent)
    assert not webui.lock.free


def test_a_cancel_of_ours_and_a_failure_leave_the_job(webui: FakeWebui, inside: WebuiEngine, host_job: RenderJob):
    def cancel(step: Step) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        inside.render(host_job, cancel)
    webui.failure = RuntimeError("broken")
    with pytest.raises(RenderFailed):
        inside.render(host_job, silent)
    assert webui.state.job == "txt2img"
    assert webui.options.live_previews_enable is True


def test_the_hook_of_the_jobs_own_controlnet_is_not_taken_for_ours(
    a1111: FakeWebui, host_job: RenderJob, monkeypatch: pytest.MonkeyPatch
):
    a1111.lock.acquire()
    script = a1111.scripts.scripts_img2img.alwayson_scripts[0]
    hook = script.latest_network = object()
    hint = ControlHint(HintKind.CANNY, Image.new("RGB", host_job.picture.size), 1.0)
    WebuiEngine(inside_job=True).render(replace(host_job, hints=(hint,)), silent)
    (own,) = a1111.calls[0].scripts.alwayson_scripts
    assert own.latest_network is None
    assert script.latest_network is hook


@pytest.mark.parametrize("fails", [False, True])
def test_the_network_is_without_the_jobs_controlnet_meanwhile(a1111: FakeWebui, host_job: RenderJob, fails: bool):
    a1111.lock.acquire()
    network = SimpleNamespace(forward="hooked", _original_forward="plain")
    a1111.shared.sd_model.model = SimpleNamespace(diffusion_model=network)
    seen: list[object] = []
    a1111.during = lambda p: seen.append(dict(vars(network)))
    a1111.failure = RuntimeError("broken") if fails else None
    with suppress(RenderFailed):
        WebuiEngine(inside_job=True).render(host_job, silent)
    assert seen[0] == {"forward": "plain"}
    assert vars(network) == {"forward": "hooked", "_original_forward": "plain"}
