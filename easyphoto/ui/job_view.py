"""A job as the user sees it: state in words, one bar over all stages, time left, what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from easyphoto.jobs import Event, Job, State
from easyphoto.ui.i18n import Translator
from easyphoto.ui.progress_estimate import estimate_progress
from easyphoto.ui.rendering import render

KINDS = {
    State.QUEUED: "quiet",
    State.RUNNING: "live",
    State.DONE: "good",
    State.FAILED: "bad",
    State.CANCELLED: "quiet",
    State.INTERRUPTED: "fair",
}


def job_html(job: Job, events: Sequence[Event], now: float, say: Translator, box: str, title: str) -> Markup:
    """Heading, bar and buttons of one job; `box` is the hidden field that the buttons write to."""
    where = estimate_progress(job, events, now)
    return render(
        "job",
        job=job,
        say=say,
        box=box,
        title=title,
        kind=KINDS[job.state],
        state=say("job.cancelling") if job.cancelling and not job.over else say(f"job.{job.state.value}"),
        percent=round(where.fraction * 100),
        stage=_stage(job, say),
        time=_time(job, where, say),
    )


def _stage(job: Job, say: Translator) -> str:
    if job.state is State.QUEUED and job.place:
        return say("job.place", n=job.place)
    if job.over or job.state is State.QUEUED:
        return ""
    steps = f" {job.done}/{job.total}" if job.total > 1 else ""
    note = f" · {say.message(job.note)}" if job.note else ""
    return f"{say.stage(job.stage)}{steps}{note}" if job.stage else ""


def _time(job: Job, where: object, say: Translator) -> str:
    elapsed, left = getattr(where, "elapsed", 0.0), getattr(where, "left", None)
    if job.state is State.QUEUED or not job.started:
        return ""
    if job.over:
        return say("job.took", time=say.duration(elapsed))
    if left is None:
        return say("job.left.unknown")
    return say("job.left", time=say.duration(left))
