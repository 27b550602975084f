"""The drawing of a face's five points that InstantID's ControlNet reads."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

NOSE = 2
COLORS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255))
"""Of the two eyes, the nose tip and the mouth's corners; a line from the nose has its other end's."""
LINE, RADIUS, AT = 4, 10, 1024  # pixels of a line's width and of a point's radius in a picture with that longer side
_DIMMED = 0.6  # of a color in a line


def five_point_drawing(points: Sequence[tuple[float, float]], size: tuple[int, int]) -> Image.Image:
    """Dots on black with lines from the nose to the others; `points` lie in a picture of that size."""
    drawn = Image.new("RGB", size)
    pencil = ImageDraw.Draw(drawn)
    scale = max(size) / AT
    width, radius = max(1, round(LINE * scale)), max(1.0, RADIUS * scale)
    for number, point in enumerate(points):
        if number != NOSE:
            red, green, blue = (round(value * _DIMMED) for value in COLORS[number])
            pencil.line([points[NOSE], point], fill=(red, green, blue), width=width)
    for color, (x, y) in zip(COLORS, points, strict=True):
        pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
    return drawn
