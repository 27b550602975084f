"""Axes of the host's X/Y/Z plot that vary what the script is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from easyphoto.strength import Strength
from easyphoto.webui.face_script.arguments import FaceArguments

VALUES = "easyphoto_axes"
"""Attribute of the host's job that holds values of axes by field."""


def with_axes(asked: FaceArguments, p: Any) -> FaceArguments:
    """What is asked, with the values of the plot's cell that this job is."""
    values = getattr(p, VALUES, None)
    return replace(asked, **values) if values else asked


def setter(field: str, read: Callable[[Any], Any]) -> Callable[[Any, Any, Any], None]:
    """How the plot sets that field for a cell; a job's copy must not share what is set with the others."""

    def apply(p: Any, value: Any, values: Any) -> None:
        changed = {**getattr(p, VALUES, {}), field: read(value), "enabled": True}
        setattr(p, VALUES, changed)

    return apply


def add_axes() -> None:
    """Before the host builds its page: in its script X/Y/Z plot, once."""
    from modules import scripts

    plot = next((one.module for one in scripts.scripts_data if one.path.endswith("xyz_grid.py")), None)
    if plot is None or any(option.label.startswith("[EasyPhoto]") for option in plot.axis_options):
        return
    plot.axis_options.extend(
        (
            plot.AxisOption("[EasyPhoto] Person", str, setter("persons", lambda value: (value,)), choices=_names),
            plot.AxisOption("[EasyPhoto] Strength", str, setter("strength", Strength), choices=_strengths),
            plot.AxisOption("[EasyPhoto] Denoising strength", float, setter("denoising_strength", float)),
        )
    )


def _names() -> list[str]:
    from easyphoto.webui.runtime import app_state

    return [person.name for person in app_state().studio.library.list()]


def _strengths() -> list[str]:
    return [strength.value for strength in Strength]
