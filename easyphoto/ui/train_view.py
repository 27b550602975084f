"""What a finished training has to show: scores, votes, pictures, and advice where the likeness is low."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from easyphoto.domain import BUILTIN_CHECKPOINT, Person
from easyphoto.jobs import Event, Job, State
from easyphoto.ui.charts import curves, points_of
from easyphoto.ui.components import button, esc, notice, picture
from easyphoto.ui.i18n import Translator
from easyphoto.ui.pictures import PictureCache

BOX = "ep-train-box"
LOW = 0.6  # mean distance of trial pictures above which advice is due
TRIALS = 6  # newest pictures shown


def figures_html(job: Job, events: Sequence[Event], say: Translator) -> str:
    """The curves of a running or ended training."""
    if job.result:
        return curves_of(job.result, say)
    return curves(points_of(events, "loss"), points_of(events, "likeness"), say)


def curves_of(facts: Mapping[str, Any], say: Translator) -> str:
    """The curves of a training's result or of the report that stays with the person."""
    losses = [(float(step), float(loss)) for step, loss in facts.get("losses", ())]
    return curves(losses, {int(s): float(gap) for s, gap in _distances(facts).items()}, say)


def _distances(facts: Mapping[str, Any]) -> Mapping[Any, Any]:
    """Mean distance by step; reports written before 0.1.0 call it likeness."""
    return facts.get("distance_by_step") or facts.get("likeness_by_step") or {}


def trials_html(events: Sequence[Event], pictures: PictureCache, say: Translator) -> str:
    """The newest trial pictures, the newest first; nothing while there are none."""
    seen = list(dict.fromkeys((e.preview, e.done) for e in reversed(events) if e.preview))[:TRIALS]
    if not seen:
        return ""
    step = say("train.curve.step")
    cells = "".join(
        f"<li>{picture(pictures.uri(file), f'{step} {done}')}<span>{esc(step)} {done}</span></li>"
        for file, done in seen
        if file
    )
    return f'<h3 class="ep-h">{esc(say("train.trials"))}</h3><ul class="ep-trials">{cells}</ul>'


def outcome_html(job: Job, person: Person | None, pictures: PictureCache, say: Translator) -> str:
    """That it is done, with everything `facts_html` shows; nothing before the end."""
    if job.state is not State.DONE or not job.result:
        return ""
    result = job.result
    name = str(result.get("name", ""))
    base = str(job.request.get("base_model", ""))
    go = button(say("train.done.next"), "ep-go-box", {"tab": "portrait", "person": result.get("person")}, "ep-primary")
    return (
        f'<section class="ep-outcome"><header><h3>{esc(say("train.done", name=name))}</h3>{go}</header>'
        f"{pair_html(person, pictures, say)}{facts_html(result, base, say)}</section>"
    )


def facts_html(facts: Mapping[str, Any], base_model: str, say: Translator) -> str:
    """Warnings, advice, scores, votes and times of a training."""
    warnings = "".join(notice(say.message(w), "", "fair") for w in facts.get("warnings", ()))
    advice = _advice(base_model, say) if _is_low(facts) else ""
    return f"{warnings}{advice}{_scores(facts, say)}{_seconds(facts, say)}"


def _advice(base_model: str, say: Translator) -> str:
    """What to do about a low likeness; the built-in model cannot bring one by itself, fusion does."""
    if base_model == BUILTIN_CHECKPOINT:
        return notice(say("train.builtin"), say("train.builtin.next"))
    return notice(say("train.low"), say("train.low.next"), "fair")


def _is_low(result: Mapping[str, Any]) -> bool:
    """Whether the votes went to trial pictures that hardly look like the person."""
    gaps, votes = _distances(result), result.get("votes") or {}
    chosen = [float(gaps[step]) for step in votes if step in gaps]
    return bool(chosen) and min(chosen) > LOW


def pair_html(person: Person | None, pictures: PictureCache, say: Translator) -> str:
    """The reference photo and the face id picture."""
    if person is None:
        return ""
    shown: list[tuple[str, Path | None]] = [("train.reference", person.reference), ("train.face_id", person.face_id)]
    cells = "".join(
        f"<figure>{picture(pictures.uri(file), say(key))}<figcaption>{esc(say(key))}</figcaption></figure>"
        for key, file in shown
        if file
    )
    return f'<div class="ep-pair">{cells}</div>'


def _scores(result: Mapping[str, Any], say: Translator) -> str:
    gaps, votes = _distances(result), result.get("votes") or {}
    steps = sorted({int(step) for step in (*gaps, *votes)})
    if not steps:
        return ""
    rows = "".join(_row(step, gaps.get(str(step)), float(votes.get(str(step), 0.0))) for step in steps)
    names = ("train.scores.step", "train.scores.likeness", "train.scores.share")
    heads = "".join(f'<th scope="col">{esc(say(key))}</th>' for key in names)
    return (
        f'<table class="ep-table"><caption>{esc(say("train.scores"))}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _row(step: int, gap: float | None, share: float) -> str:
    distance = "–" if gap is None else f"{gap:.3f}"
    bar = f'<span class="ep-share"><i style="width:{share * 100:.0f}%"></i></span>{share * 100:.0f} %'
    return f'<tr><th scope="row">{step}</th><td>{distance}</td><td>{bar}</td></tr>'


def _seconds(result: Mapping[str, Any], say: Translator) -> str:
    spent = result.get("seconds") or {}
    parts = " · ".join(f"{say.stage(stage)} {say.duration(float(s))}" for stage, s in spent.items())
    return f'<p class="ep-facts">{esc(say("train.seconds"))}: {esc(parts)}</p>' if parts else ""
