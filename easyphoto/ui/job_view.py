"""A job as the user sees it: state in words, one bar over all stages, time left, what can be done about it."""

from __future__ import annotations

from markupsafe import Markup

from easyphoto.jobs import Job, State
from easyphoto.ui.i18n import Translator
from easyphoto.ui.rendering import render
from easyphoto.ui.time_left import ProgressEstimate, Unknown

KINDS = {
    State.QUEUED: "quiet",
    State.RUNNING: "live",
    State.DONE: "good",
    State.FAILED: "bad",
    State.CANCELLED: "quiet",
    State.INTERRUPTED: "fair",
}


def job_html(job: Job, where: ProgressEstimate, say: Translator, box: str, title: str) -> Markup:
    """Heading, bar and buttons of one job; `box` is the hidden field that the buttons write to."""
    return render(
        "job",
        job=job,
        say=say,
        box=box,
        title=title,
        kind=KINDS[job.state],
        state=say("job.cancelling") if job.cancelling and not job.over else say(f"job.{job.state.value}"),
        percent=round(where.fraction * 100),
        stage=stage_text(job, say),
        time=time_text(job, where, say),
    )


def stage_text(job: Job, say: Translator) -> str:
    """What is being done, or the place in the queue."""
    if job.state is State.QUEUED and job.place:
        return say("job.place", n=job.place)
    if job.over or job.state is State.QUEUED:
        return ""
    steps = f" {job.done}/{job.total}" if job.total > 1 else ""
    note = f" · {say.message(job.note)}" if job.note else ""
    return f"{say.stage(job.stage)}{steps}{note}" if job.stage else ""


def time_text(job: Job, where: ProgressEstimate, say: Translator) -> str:
    """The time left, or the time it took."""
    if job.state is State.QUEUED or not job.started:
        return ""
    if job.over:
        return say("job.took", time=say.duration(where.elapsed))
    if isinstance(where.left, Unknown):
        return say(f"job.left.{where.left.value}")
    return say("job.left", time=say.duration(where.left))
