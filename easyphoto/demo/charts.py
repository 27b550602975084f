"""Line and bar charts as SVG and HTML text; colours come from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 480.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 12.0, 14.0, 34.0
TICKS = 4


@dataclass(frozen=True)
class Chart:
    """What a line chart says."""

    title: str
    x_label: str
    points: Points
    dots: bool = False
    limit: float | None = None  # a dashed line
    limit_label: str = ""


@dataclass(frozen=True)
class ChartFrame:
    """Data coordinates to SVG coordinates."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        """Grows to the right."""
        return LEFT + (value - self.x_low) / (self.x_high - self.x_low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Grows downwards."""
        return HEIGHT - BOTTOM - (value - self.y_low) / (self.y_high - self.y_low) * (HEIGHT - TOP - BOTTOM)


def frame_of(points: Points, limit: float | None) -> ChartFrame:
    """The smallest frame with a margin of 8 % above and below; never of no extent."""
    xs = [x for x, _ in points]
    ys = [y for _, y in points] + ([] if limit is None else [limit])
    margin = (max(ys) - min(ys)) * 0.08 or abs(max(ys)) * 0.1 or 1.0
    x_high = max(xs) if max(xs) > min(xs) else min(xs) + 1.0
    return ChartFrame(min(xs), x_high, min(ys) - margin, max(ys) + margin)


def smoothed(points: Points, share: float = 0.9) -> list[tuple[float, float]]:
    """Exponential mean of the y values without the start's bias (Kingma and Ba 2015, section 3)."""
    mean, result = 0.0, []
    for number, (x, y) in enumerate(points, start=1):
        mean = share * mean + (1 - share) * y
        result.append((x, mean / (1 - share**number)))
    return result


def line_chart(chart: Chart) -> str:
    """A figure with the chart, or with a sentence where there is nothing to draw."""
    title = f"<figcaption>{escape(chart.title)}</figcaption>"
    if not chart.points:
        return f'<figure class="chart">{title}<p class="quiet">Nothing was recorded.</p></figure>'
    frame = frame_of(chart.points, chart.limit)
    shapes = [*_grid(frame), *_limit(chart, frame), *_curve(chart, frame)]
    shapes.append(f'<text class="axis" x="{WIDTH - RIGHT:.0f}" y="{HEIGHT - 4:.0f}">{escape(chart.x_label)}</text>')
    box = f'viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="{escape(chart.title)}"'
    return f'<figure class="chart">{title}<svg {box}>{"".join(shapes)}</svg></figure>'


def ticks(low: float, high: float) -> list[float]:
    """Round values inside the span, 1, 2 or 5 times a power of ten apart."""
    raw = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _grid(frame: ChartFrame) -> list[str]:
    shapes = []
    for value in ticks(frame.y_low, frame.y_high):
        y = frame.y(value)
        shapes.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        shapes.append(f'<text class="tick y" x="{LEFT - 6}" y="{y + 3.5:.1f}">{value:.4g}</text>')
    below = f'y="{HEIGHT - BOTTOM + 15}"'
    columns = ticks(frame.x_low, frame.x_high)
    return shapes + [f'<text class="tick x" x="{frame.x(value):.1f}" {below}>{value:.4g}</text>' for value in columns]


def _limit(chart: Chart, frame: ChartFrame) -> list[str]:
    if chart.limit is None:
        return []
    y = frame.y(chart.limit)
    line = f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return [line, f'<text class="axis" x="{WIDTH - RIGHT}" y="{y - 5:.1f}">{escape(chart.limit_label)}</text>']


def _curve(chart: Chart, frame: ChartFrame) -> list[str]:
    placed = [(frame.x(x), frame.y(y)) for x, y in chart.points]
    shapes = [_path(placed, "curve")]
    if chart.dots:
        shapes += [f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in placed]
    else:
        mean = [(frame.x(x), frame.y(y)) for x, y in smoothed(chart.points)]
        shapes = [_path(placed, "curve faint"), _path(mean, "curve")]
    return shapes


def _path(placed: Points, kind: str) -> str:
    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    return f'<polyline class="{kind}" points="{steps}"/>'


def bars(values: Mapping[str, float], unit: str) -> str:
    """A table of horizontal bars; the longest fills the width."""
    top = max(values.values(), default=0.0) or 1.0
    rows = (
        f'<tr><th scope="row">{escape(name)}</th><td class="bar"><span style="width:{value / top:.1%}"></span></td>'
        f"<td>{value:.1f} {escape(unit)}</td></tr>"
        for name, value in values.items()
    )
    return f'<table class="bars">{"".join(rows)}</table>'
