"""What a finished training has to show: scores, votes, pictures, and advice where the likeness is low."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from easyphoto.domain import BUILTIN_CHECKPOINT, GOOD_FACE_PX, Person
from easyphoto.jobs import Event, Job, State
from easyphoto.ui.charts import Chart, Points, line_chart, points_of
from easyphoto.ui.i18n import Translator
from easyphoto.ui.pictures import PictureCache
from easyphoto.ui.rendering import render

BOX = "ep-train-box"
LOW = 0.6  # mean distance of validation images above which advice is due, where a report names no recognizer
TRIALS = 6  # newest pictures shown


def figures_html(job: Job, events: Sequence[Event], say: Translator) -> Markup:
    """The curves of a running or ended training; nothing where no LoRA is trained."""
    if not job.request.get("train_lora", True):
        return Markup("")
    if job.result:
        return curves_of(job.result, say)
    return curves(points_of(events, "loss"), points_of(events, "distance"), say)


def curves_of(facts: Mapping[str, Any], say: Translator) -> Markup:
    """The curves of a training's result or of the report that stays with the person; nothing without a LoRA."""
    if not (facts.get("settings") or {}).get("train_lora", True):
        return Markup("")
    losses = [(float(step), float(loss)) for step, loss in facts.get("losses", ())]
    return curves(losses, sorted((float(s), float(gap)) for s, gap in _distances(facts).items()), say)


def curves(losses: Points, distances: Points, say: Translator) -> Markup:
    """Loss and distance of the validation images over the steps; a quiet line where there is nothing yet."""
    step = say("train.curve.step")
    charts = [Chart(say("train.curve.loss"), step, losses), Chart(say("train.curve.distance"), step, distances, True)]
    drawn = [line_chart(chart) for chart in charts if chart.points]
    if not drawn:
        return Markup('<p class="ep-wait">{}</p>').format(say("train.curve.wait"))
    return Markup('<div class="ep-curves">{}</div>').format(Markup("").join(drawn))


def _distances(facts: Mapping[str, Any]) -> Mapping[Any, Any]:
    """Mean distance by step; reports written before 0.1.0 call it likeness."""
    return facts.get("distance_by_step") or facts.get("likeness_by_step") or {}


def validation_images_html(events: Sequence[Event], pictures: PictureCache, say: Translator) -> Markup:
    """The newest validation images, the newest first; nothing while there are none."""
    seen = list(dict.fromkeys((e.preview, e.done) for e in reversed(events) if e.preview))[:TRIALS]
    return render("validation_images", seen=seen, pictures=pictures, say=say) if seen else Markup("")


def outcome_html(job: Job, person: Person | None, pictures: PictureCache, say: Translator) -> Markup:
    """That it is done, with everything `facts_html` shows; nothing before the end."""
    if job.state is not State.DONE or not job.result:
        return Markup("")
    details = facts_html(job.result, str(job.request.get("base_model", "")), say)
    pair = pair_html(person, pictures, say)
    return render("training_done", facts=job.result, pair=pair, details=details, say=say)


def facts_html(facts: Mapping[str, Any], base_model: str, say: Translator) -> Markup:
    """Warnings, advice, scores, votes and times of a training.

    A low likeness comes with advice; the built-in model cannot bring one by itself, fusion does.
    """
    spent = facts.get("seconds") or {}
    return render(
        "training",
        facts=facts,
        say=say,
        low=_is_low(facts),
        px=GOOD_FACE_PX,
        builtin=base_model == BUILTIN_CHECKPOINT,
        rows=_rows(facts),
        spent=[f"{say.stage(stage)} {say.duration(float(s))}" for stage, s in spent.items()],
    )


def _rows(facts: Mapping[str, Any]) -> list[tuple[int, float | None, float]]:
    """(step, mean distance of its validation images, share in the merged LoRA)."""
    gaps, votes = _distances(facts), facts.get("votes") or {}
    steps = sorted({int(step) for step in (*gaps, *votes)})
    return [(step, gaps.get(str(step)), float(votes.get(str(step), 0.0))) for step in steps]


def _is_low(result: Mapping[str, Any]) -> bool:
    """Whether the votes went to validation images that hardly look like the person."""
    gaps, votes = _distances(result), result.get("votes") or {}
    chosen = [float(gaps[step]) for step in votes if step in gaps]
    return bool(chosen) and min(chosen) > float((result.get("recognizer") or {}).get("same", LOW))


def pair_html(person: Person | None, pictures: PictureCache, say: Translator) -> Markup:
    """The reference photo and the best validation image."""
    return render("person_pair", person=person, pictures=pictures, say=say) if person else Markup("")
