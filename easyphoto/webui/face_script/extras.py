"""A step of the WebUI's Extras that puts persons into a picture; what it does is imported when it is used."""

from __future__ import annotations

from typing import Any

from easyphoto.webui.face_script.choices import TITLE

ORDER = 900
"""Before the host's upscalers (1000): a face is repainted at the size at which it is, and enlarged with the picture."""


def step_class() -> type:
    """The class that the host looks for in the files it runs."""
    from modules import scripts_postprocessing

    attributes = {"name": TITLE, "order": ORDER, "extra_only": True, "ui": _fields, "process": _process}
    return type("EasyPhotoExtras", (scripts_postprocessing.ScriptPostprocessing,), attributes)


def _fields(step: Any) -> dict[str, Any]:
    from easyphoto.webui.face_script import fields

    return fields.build_extras()


def _process(step: Any, pp: Any, enabled: bool = False, **given: Any) -> None:
    if enabled:
        from easyphoto.webui.face_script import pictures

        pictures.extras(pp, given)
