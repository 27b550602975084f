"""Waiting for the WebUI's queue and watching its progress, both so that the user can cancel."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from easyphoto.engines.webui.host import QueueLock
from easyphoto.locales import message
from easyphoto.progress import Cancelled, Progress, Step
from easyphoto.stages import Stage

POLL = 0.2  # seconds
WAITING = Step(Stage.WAITING, 0, 1, message("webui.note.busy"))


@contextmanager
def acquire_queue(lock: QueueLock, report: Progress) -> Iterator[None]:
    """Inside it the host's queue lock is ours. What `report` raises while we wait ends the waiting.

    The lock knows no timeout, so a thread of its own stands in the queue for us: it hands the lock over, or gives it
    back at once when nobody waits for it any more.
    """
    if not lock.acquire(blocking=False):
        _wait_for_queue(lock, report)
    try:
        yield
    finally:
        lock.release()


def _wait_for_queue(lock: QueueLock, report: Progress) -> None:
    ours, given_up, agreed = threading.Event(), threading.Event(), threading.Lock()

    def stand() -> None:
        lock.acquire()
        with agreed:
            if given_up.is_set():
                lock.release()
            else:
                ours.set()

    threading.Thread(target=stand, name="easyphoto-queue", daemon=True).start()
    try:
        while not ours.wait(POLL):
            report(WAITING)
    except BaseException:
        with agreed:
            given_up.set()
            if ours.is_set():
                lock.release()
        raise


@contextmanager
def stated(state: Any, job: str) -> Iterator[None]:
    """Inside it the host says that this job runs. Marks of an earlier one are gone."""
    state.begin(job=job)
    state.sampling_steps = 0  # begin leaves those of the job before
    try:
        yield
    finally:
        state.end()
        state.current_latent = None  # else a preview of the face could still be asked for
        state.current_image = None


@contextmanager
def counted(state: Any) -> Iterator[None]:
    """Inside it one more picture is part of the job that the host is at."""
    if state.job_count > 0:
        state.job_count += 1
    try:
        yield
    finally:
        state.current_latent = None
        state.current_image = None


def shown_in(state: Any, report: Progress) -> Progress:
    """`report`, which counts the steps of a training in the host as well, and ends it when the host is told to stop."""

    def told(step: Step) -> None:
        if step.stage == Stage.TRAIN:
            state.sampling_step, state.sampling_steps = step.done, step.total
        if stopped(state):
            raise Cancelled
        report(step)

    return told


def stopped(state: Any) -> bool:
    """Whether somebody has pressed one of the host's buttons that end a job."""
    return any(getattr(state, mark, False) for mark in ("interrupted", "skipped", "stopping_generation"))


@contextmanager
def reported(state: Any, report: Progress, before: Step) -> Iterator[None]:
    """Inside it the host's sampling steps go to `report`, and `before` until there are some.

    What `report` raises interrupts the host, and is raised here when the host has stopped.
    """
    ended, raised = threading.Event(), list[BaseException]()

    def watch() -> None:
        while not ended.wait(POLL):
            if raised:
                state.interrupt()  # once is not enough: the end of another user's job clears the mark
                continue
            try:
                report(_step(state, before))
            except BaseException as problem:  # belongs to the thread that renders, whatever it is
                raised.append(problem)
                state.interrupt()

    thread = threading.Thread(target=watch, name="easyphoto-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        if raised:
            raise raised[0]


def _step(state: Any, before: Step) -> Step:
    total = state.sampling_steps
    return Step(Stage.RENDER, min(state.sampling_step, total), total) if total > 0 else before
