"""The facts of a run as one self-contained page: no file beside it, no script, nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from easyphoto.domain import FaceScore, PhotoReport
from easyphoto.locales import Message
from easyphoto.ui.charts import Chart, line_chart
from easyphoto.ui.i18n import Translator
from easyphoto.ui.rendering import render

STYLE = Path(__file__).with_name("report.css")


@dataclass(frozen=True)
class PhotoEntry:
    """A photo as it is shown."""

    picture: str  # data: URI
    report: PhotoReport


@dataclass(frozen=True)
class PortraitEntry:
    """A template and what became of it."""

    template: str  # data: URI
    portrait: str  # data: URI
    file: str
    name: str
    scores: tuple[FaceScore, ...]
    notes: tuple[Message | str, ...] = ()


@dataclass(frozen=True)
class Training:
    """How the LoRA came to be."""

    losses: tuple[tuple[int, float], ...] = ()  # (step, loss)
    distance_by_step: Mapping[int, float] = field(default_factory=dict)  # mean L2 of the validation images
    votes: Mapping[int, float] = field(default_factory=dict)  # share of each checkpoint in the merged LoRA
    warnings: tuple[Message | str, ...] = ()
    notes: tuple[Message | str, ...] = ()  # why there is no LoRA, in place of the curves


@dataclass(frozen=True)
class ReportFacts:
    """Everything the page says."""

    person: str
    made: str  # date and time as shown
    program: str  # name and version
    same: float  # L2 at or under which the recogniser takes two faces for one person
    photos: tuple[PhotoEntry, ...]
    portraits: tuple[PortraitEntry, ...]
    training: Training
    seconds: Mapping[str, float]
    peak_rss_mb: float
    settings: Mapping[Message | str, str]
    failures: tuple[Message | str, ...] = ()
    face: str = ""  # data: URI of the person in one of the photos


def page(facts: ReportFacts, say: Translator) -> str:
    """The HTML text."""
    training, step, nothing = facts.training, say("train.curve.step"), say.text("report.nothing")
    charts = (
        Chart(say("train.curve.loss"), step, training.losses, nothing=nothing),
        Chart(
            say("train.curve.distance"),
            step,
            sorted(training.distance_by_step.items()),
            dots=True,
            limit=facts.same,
            limit_label=say.text("report.same"),
            nothing=nothing,
        ),
    )
    return render(
        "report",
        facts=facts,
        charts=[line_chart(chart) for chart in charts],
        duration=say.duration(sum(facts.seconds.values())),
        longest=max(facts.seconds.values(), default=0.0) or 1.0,
        style=STYLE.read_text(encoding="utf-8"),
        say=say,
    )
