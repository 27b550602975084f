"""The facts of a run as one self-contained page: no file beside it, no script, nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from easyphoto.demo.charts import Chart, bars, line_chart
from easyphoto.domain import FaceScore, PhotoReport, Verdict

STYLE = Path(__file__).with_name("report.css")
VERDICT_WORDS = {Verdict.KEEP: "kept", Verdict.WARN: "kept, with a warning", Verdict.DROP: "left out"}


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
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Training:
    """How the LoRA came to be."""

    losses: tuple[tuple[int, float], ...] = ()  # (step, loss)
    distance_by_step: Mapping[int, float] = field(default_factory=dict)  # mean L2 of the trial pictures
    votes: Mapping[int, float] = field(default_factory=dict)  # share of each checkpoint in the merged LoRA
    warnings: tuple[str, ...] = ()


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
    settings: Mapping[str, str]
    failures: tuple[str, ...] = ()


def page(facts: ReportFacts) -> str:
    """The HTML text."""
    parts = (_head(facts), _portraits(facts), _photos(facts), _training(facts), _times(facts), _settings(facts))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(facts.person)} · EasyPhoto</title><style>{STYLE.read_text(encoding='utf-8')}</style>"
        f"</head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def _head(facts: ReportFacts) -> str:
    count = sum(card.report.trained for card in facts.photos)
    total = sum(facts.seconds.values())
    lead = (
        f"{len(facts.photos)} photos were checked, {count} of them taught the program the face of "
        f"{facts.person}, and {len(facts.portraits)} portraits were made. The whole way took {_span(total)}."
    )
    return (
        f'<header><h1>Portraits of {escape(facts.person)}</h1><p class="lead">{escape(lead)}</p>'
        f'<p class="quiet">{escape(facts.made)} · {escape(facts.program)}</p></header>'
    )


def _span(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


# ---------------------------------------------------------------- sections


def _portraits(facts: ReportFacts) -> str:
    cards = "".join(_pair(card) for card in facts.portraits)
    failed = _notes(tuple(f"Not made: {failure}" for failure in facts.failures))
    scale = (
        "Likeness is the median distance of this face to the person's photos, as a face recogniser "
        f"sees it: lower is nearer, and up to {facts.same:.2f} it takes two faces for the same person."
    )
    return f'<section><h2>Before and after</h2>{cards}{failed}<p class="quiet">{escape(scale)}</p></section>'


def _pair(card: PortraitEntry) -> str:
    scores = "".join(_score(score, len(card.scores) > 1) for score in card.scores)
    name = escape(card.name)
    return (
        '<article class="pair"><div class="pictures">'
        f'<figure><img src="{escape(card.template)}" alt="Template {name}"><figcaption>template</figcaption></figure>'
        f'<figure><img src="{escape(card.portrait)}" alt="Portrait from {name}"><figcaption>portrait</figcaption>'
        f'</figure></div><div class="words">{scores}<span class="quiet">{escape(card.file)}</span></div>'
        f"{_notes(card.notes)}</article>"
    )


def _score(score: FaceScore, named: bool) -> str:
    who = f"{escape(score.person)}: " if named else ""
    return (
        f'<span class="quiet">{who}likeness</span>'
        f'<span class="number">{score.before:.2f} <span class="arrow">→</span> {score.after:.2f}</span>'
        f"<span>{escape(score.word)}</span>"
    )


def _notes(notes: tuple[str, ...]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<ul class="notes">{items}</ul>' if items else ""


def _photos(facts: ReportFacts) -> str:
    cards = "".join(_photo(card) for card in facts.photos)
    return f'<section><h2>Photos</h2><div class="cards">{cards}</div></section>'


def _photo(card: PhotoEntry) -> str:
    report = card.report
    parts = [f"face {report.face_px} px" if report.face_px else ""]
    parts.append(f"likeness {report.likeness:.2f}" if report.likeness is not None else "")
    parts.append(f"turned {report.pose.yaw:.0f}°" if report.pose and abs(report.pose.yaw) >= 1 else "")
    said = " · ".join(filter(None, parts))
    why = "".join(f"<p>{escape(reason)}</p>" for reason in report.reasons)
    return (
        f'<div class="card"><img src="{escape(card.picture)}" alt="{escape(report.name)}"><div>'
        f'<span class="verdict {report.verdict.value}">{VERDICT_WORDS[report.verdict]}</span>'
        f'<p>{escape(report.name)}</p><p class="quiet">{escape(said)}</p>{why}</div></div>'
    )


def _training(facts: ReportFacts) -> str:
    training = facts.training
    loss = Chart("Loss", "step", training.losses)
    validation_images = sorted(training.distance_by_step.items())
    likeness = Chart(
        "Likeness of the trial pictures (lower is nearer)", "step", validation_images, True, facts.same, "same person"
    )
    votes = ", ".join(f"step {step}: {share:.0%}" for step, share in sorted(training.votes.items()))
    share = f'<p class="quiet">Shares in the final LoRA: {escape(votes)}.</p>' if votes else ""
    charts = line_chart(loss) + line_chart(likeness)
    return f'<section><h2>Training</h2><div class="charts">{charts}</div>{share}{_notes(training.warnings)}</section>'


def _times(facts: ReportFacts) -> str:
    memory = f'<p class="quiet">At most {facts.peak_rss_mb:.0f} MB of memory, the trainer included.</p>'
    table = bars(facts.seconds, "s")
    return f'<section><h2>Time and memory</h2><div class="panel">{table}{memory}</div></section>'


def _settings(facts: ReportFacts) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in facts.settings.items()
    )
    return (
        '<section><h2>Settings</h2><div class="panel"><details><summary>Everything that was set</summary>'
        f"<table>{rows}</table></details></div></section>"
    )
