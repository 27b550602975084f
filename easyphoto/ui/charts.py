"""Loss and likeness over the training steps, as drawings that need no library in the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from easyphoto.jobs import Event
from easyphoto.ui.components import esc
from easyphoto.ui.i18n import Translator

Points = Sequence[tuple[float, float]]  # (step, value), steps rising

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 380, 130, 36, 20, 8
MOST_POINTS = 240
LEAST_SPAN = 0.06


def points_of(events: Sequence[Event], figure: str) -> list[tuple[float, float]]:
    """Every value of that figure over the step it came with; a later one of the same step wins."""
    found = {e.figures.get("step", float(e.done)): e.figures[figure] for e in events if figure in e.figures}
    return sorted(found.items())


def smoothed(points: Points, weight: float = 0.85) -> list[tuple[float, float]]:
    """Exponential mean, corrected for its beginning."""
    held, seen, out = 0.0, 0.0, []
    for step, value in points:
        held = weight * held + (1 - weight) * value
        seen = weight * seen + (1 - weight)
        out.append((step, held / seen))
    return out


def thinned(points: Points, most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """At most about `most` points, the last one always among them."""
    if len(points) <= most:
        return list(points)
    stride = -(-len(points) // most)
    return [*points[:-1:stride], points[-1]]


def curves(losses: Points, likeness: Mapping[int, float] | Points, say: Translator) -> str:
    """Both curves; a quiet line where there is nothing yet."""
    marks = sorted(likeness.items()) if isinstance(likeness, Mapping) else list(likeness)
    if not losses and not marks:
        return f'<p class="ep-wait">{esc(say("train.curve.wait"))}</p>'
    last = max(p[0] for p in (*losses, *marks))
    drawn = [chart(say("train.curve.loss"), losses, last, say, smooth=True)] if losses else []
    if marks:
        drawn.append(chart(say("train.curve.likeness"), marks, last, say, smooth=False))
    return f'<div class="ep-curves">{"".join(drawn)}</div>'


def chart(title: str, points: Points, last: float, say: Translator, smooth: bool) -> str:
    """One curve with its axis; read out as its first and newest value."""
    shown = smoothed(points) if smooth else list(points)
    low, high = _range([v for _, v in (points if not smooth else (*points, *shown))])
    newest = shown[-1][1]
    spoken = f"{title}: {shown[0][1]:.3f} → {newest:.3f}, {say('train.curve.step')} {points[-1][0]:g}"
    faint = _line(thinned(points), last, low, high, "ep-line-faint") if smooth else ""
    strong = _line(thinned(shown), last, low, high, "ep-line")
    dots = "" if smooth else "".join(_dot(x, y, last, low, high) for x, y in points)
    return (
        f'<figure class="ep-chart"><figcaption>{esc(title)}<b>{newest:.3f}</b></figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{esc(spoken)}">'
        f"{_axes(low, high, last, say)}{faint}{strong}{dots}</svg></figure>"
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    """What the axis spans: a little more than the values, and never so little that noise looks like news."""
    low, high = min(values), max(values)
    short = max(0.0, LEAST_SPAN - (high - low)) / 2
    pad = 0.08 * max(high - low, LEAST_SPAN) + short
    return low - pad, high + pad


def _place(x: float, y: float, last: float, low: float, high: float) -> tuple[float, float]:
    across = LEFT + (WIDTH - LEFT - 8) * (x / last if last else 0)
    return across, TOP + (HEIGHT - TOP - BOTTOM) * (high - y) / (high - low)


def _line(points: Points, last: float, low: float, high: float, kind: str) -> str:
    path = " ".join("{:.1f},{:.1f}".format(*_place(x, y, last, low, high)) for x, y in points)
    return f'<polyline class="{kind}" points="{path}"/>'


def _dot(x: float, y: float, last: float, low: float, high: float) -> str:
    across, down = _place(x, y, last, low, high)
    return f'<circle class="ep-dot" cx="{across:.1f}" cy="{down:.1f}" r="3.5"><title>{x:g}: {y:.3f}</title></circle>'


def _axes(low: float, high: float, last: float, say: Translator) -> str:
    lines = []
    for share in (0.0, 0.5, 1.0):
        value = low + (high - low) * share
        _, y = _place(0, value, last, low, high)
        lines.append(f'<line class="ep-grid" x1="{LEFT}" x2="{WIDTH - 8}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{value:.2f}</text>')
    lines.append(f'<text x="{LEFT}" y="{HEIGHT - 6}">0</text>')
    lines.append(
        f'<text x="{WIDTH - 8}" y="{HEIGHT - 6}" text-anchor="end">{esc(say("train.curve.step"))} {last:g}</text>'
    )
    return "".join(lines)
