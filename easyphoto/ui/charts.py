"""Line charts as SVG text, for the page and for the demo's report; colors come from the style sheet around them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from easyphoto.jobs import Event
from easyphoto.ui.rendering import render

Points = Sequence[tuple[float, float]]
"""(x, y), x rising."""

WIDTH, HEIGHT = 480, 200
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 14, 34
TICKS = 4
MOST_POINTS = 240
LEAST_SPAN = 0.06  # of the y axis: noise must not look like news


@dataclass(frozen=True)
class Chart:
    """What a line chart says."""

    title: str
    x_label: str
    points: Points
    dots: bool = False  # every point is a dot; else a faint line with its running mean
    limit: float | None = None  # y of a dashed line
    limit_label: str = ""
    nothing: str = ""  # said where there are no points


@dataclass(frozen=True)
class ChartFrame:
    """Data coordinates to SVG coordinates."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        """Grows to the right."""
        return round(LEFT + (value - self.x_low) / (self.x_high - self.x_low) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        """Grows downwards."""
        share = (value - self.y_low) / (self.y_high - self.y_low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def frame_of(points: Points, limit: float | None) -> ChartFrame:
    """The smallest frame with a margin of 8 % above and below, `LEAST_SPAN` high at least."""
    xs = [x for x, _ in points]
    ys = [y for _, y in points] + ([] if limit is None else [limit])
    span = max(ys) - min(ys)
    margin = 0.08 * max(span, LEAST_SPAN) + max(0.0, LEAST_SPAN - span) / 2
    x_high = max(xs) if max(xs) > min(xs) else min(xs) + 1.0
    return ChartFrame(min(xs), x_high, min(ys) - margin, max(ys) + margin)


def points_of(events: Sequence[Event], figure: str) -> list[tuple[float, float]]:
    """Every value of that figure over the step it came with; a later one of the same step wins."""
    found = {e.figures.get("step", float(e.done)): e.figures[figure] for e in events if figure in e.figures}
    return sorted(found.items())


def smoothed(points: Points, weight: float = 0.9) -> list[tuple[float, float]]:
    """Exponential mean of the y values without the start's bias (Kingma and Ba 2015, section 3)."""
    mean, result = 0.0, []
    for number, (x, y) in enumerate(points, start=1):
        mean = weight * mean + (1 - weight) * y
        result.append((x, mean / (1 - weight**number)))
    return result


def thinned(points: Points, most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """At most about `most` points, the last one always among them."""
    if len(points) <= most:
        return list(points)
    stride = -(-len(points) // most)
    return [*points[:-1:stride], points[-1]]


def ticks(low: float, high: float) -> list[float]:
    """Round values inside the span, 1, 2 or 5 times a power of ten apart."""
    raw = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def line_chart(chart: Chart) -> Markup:
    """A figure with the chart, or with `chart.nothing`; read out as its first and newest value."""
    if not chart.points:
        return render("chart", chart=chart, lines=(), newest="")
    frame = frame_of(chart.points, chart.limit)
    shown = list(chart.points) if chart.dots else smoothed(chart.points)
    faint = [] if chart.dots else [("ep-line-faint", _line(thinned(chart.points), frame))]
    first, newest = f"{shown[0][1]:.3f}", f"{shown[-1][1]:.3f}"
    return render(
        "chart",
        chart=chart,
        **{"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "bottom": HEIGHT - BOTTOM},
        newest=newest,
        spoken=f"{chart.title}: {first} → {newest}, {chart.x_label} {chart.points[-1][0]:g}",
        rows=[(f"{value:.4g}", frame.y(value)) for value in ticks(frame.y_low, frame.y_high)],
        columns=[(f"{value:.4g}", frame.x(value)) for value in ticks(frame.x_low, frame.x_high)],
        limit=None if chart.limit is None else frame.y(chart.limit),
        lines=[*faint, ("ep-line", _line(thinned(shown), frame))],
        dots=[(frame.x(x), frame.y(y), f"{x:g}: {y:.3f}") for x, y in chart.points] if chart.dots else [],
    )


def _line(points: Points, frame: ChartFrame) -> str:
    return " ".join(f"{frame.x(x)},{frame.y(y)}" for x, y in points)
