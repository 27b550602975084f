"""Progress, cancelling, the host's queue, and lending its device to a training."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
from fake_webui import FakeWebui

from easyphoto.domain import RenderJob
from easyphoto.engines.webui.engine import WebuiEngine
from easyphoto.errors import RenderFailed
from easyphoto.progress import Cancelled, Step, silent
from easyphoto.stages import Stage


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


AWAY = {"a1111": ["controls", "cpu"], "forge": ["unloaded"], "forge_neo": ["unloaded"], "reforge": ["all unloaded"]}
"""How the device is freed; the functions of A1111's names do nothing in reForge."""


@pytest.mark.parametrize("crash", [False, True])
def test_released_empties_the_device_and_gives_everything_back(webui: FakeWebui, engine: WebuiEngine, crash: bool):
    def train() -> None:
        with engine.offloaded():
            assert webui.moved == AWAY[webui.kind]
            assert not webui.lock.free, "nobody generates meanwhile"
            if crash:
                raise ValueError("trainer")

    if crash:
        with pytest.raises(ValueError, match="trainer"):
            train()
    else:
        train()
    assert webui.moved == AWAY[webui.kind] + (["device"] if webui.kind == "a1111" else [])
    assert webui.lock.free


@pytest.mark.parametrize(("wanted", "room"), [(True, True), (True, False), (False, True)])
def test_a_training_runs_beside_the_hosts_pictures_where_it_may_and_fits(
    webui: FakeWebui, monkeypatch: pytest.MonkeyPatch, wanted: bool, room: bool
):
    monkeypatch.setattr("easyphoto.engines.webui.device_memory.free_bytes", lambda torch, device: room * 2**40)
    with WebuiEngine(beside=lambda: wanted).offloaded():
        assert webui.lock.free is (wanted and room)
        assert (webui.moved == []) is (wanted and room)
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


def test_a_training_is_the_job_that_the_host_shows_and_its_buttons_end(webui: FakeWebui, engine: WebuiEngine):
    told: list[Step] = []
    with engine.offloaded(told.append) as shown:
        shown(Step(Stage.TRAIN, 3, 40))
        assert (webui.state.job, webui.state.sampling_step, webui.state.sampling_steps) == ("EasyPhoto training", 3, 40)
        assert webui.state.current_image is None
        webui.state.interrupt()
        with pytest.raises(Cancelled):
            shown(Step(Stage.TRAIN, 4, 40))
    assert [step.done for step in told] == [3]
    assert webui.state.job == ""
