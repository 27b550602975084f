"""A job as the user sees it: state in words, one bar over all stages, time left, what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence

from easyphoto.jobs import Event, Job, State
from easyphoto.ui.components import badge, button, esc, notice, problem
from easyphoto.ui.i18n import Translator
from easyphoto.ui.progress_estimate import estimate_progress

KINDS = {
    State.QUEUED: "quiet",
    State.RUNNING: "live",
    State.DONE: "good",
    State.FAILED: "bad",
    State.CANCELLED: "quiet",
    State.INTERRUPTED: "fair",
}


def job_html(job: Job, events: Sequence[Event], now: float, voice: tuple[Translator, str], title: str) -> str:
    """Heading, bar and buttons of one job; `voice` is the language and the hidden field the buttons write to."""
    say, box = voice
    state = say("job.cancelling") if job.cancelling and not job.over else say(f"job.{job.state.value}")
    live = "" if job.over else ' data-ep-live="1"'
    return (
        f'<section class="ep-job ep-job-{job.state.value}" data-ep-job="{esc(job.id)}" '
        f'data-ep-state="{job.state.value}"{live}>'
        f'<header><h3 title="{esc(title)}">{esc(title)}</h3>{badge(state, KINDS[job.state])}</header>'
        f"{_bar(job, events, now, say)}{_trouble(job, say)}"
        f'<div class="ep-row">{_buttons(job, say, box)}</div></section>'
    )


def _bar(job: Job, events: Sequence[Event], now: float, say: Translator) -> str:
    where = estimate_progress(job, events, now)
    percent = round(where.fraction * 100)
    return (
        f'<div class="ep-bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}" '
        f'aria-label="{esc(say("job.progress"))}"><i data-ep-bar="{esc(job.id)}" data-ep-width="{percent}" '
        f'style="width:{percent}%"></i></div>'
        f'<p class="ep-stage"><span>{esc(_stage(job, say))}</span><span class="ep-time">{esc(_time(job, where, say))}'
        f"</span><b>{percent}%</b></p>"
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


def _trouble(job: Job, say: Translator) -> str:
    if job.state is State.INTERRUPTED:
        return notice(say("job.interrupted"), say("job.interrupted.next"), "fair")
    return problem(job.error, say) if job.error and job.state is State.FAILED else ""


def _buttons(job: Job, say: Translator, box: str) -> str:
    out = []
    if not job.over and not job.cancelling:
        out.append(button(say("train.cancel"), box, {"do": "cancel", "job": job.id}, "ep-stop"))
    if job.resumable and job.over:
        out.append(button(say("train.resume"), box, {"do": "resume", "job": job.id}, "ep-primary"))
    if job.state is not State.QUEUED:
        out.append(button(say("train.log"), box, {"do": "log", "job": job.id}))
    if job.over:
        out.append(button(say("train.dismiss"), box, {"do": "delete", "job": job.id}))
    return "".join(out)
