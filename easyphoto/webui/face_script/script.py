"""The script as the host knows it: a class with its callbacks. What they need is imported when they are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from easyphoto.webui.face_script.choices import TITLE


def script_class() -> type:
    """The class that the host looks for in the files it runs."""
    from modules import scripts

    callbacks = {
        "title": lambda self: TITLE,
        "show": lambda self, is_img2img: scripts.AlwaysVisible,
        "ui": _fields,
        "process": _process,
        picture_callback(scripts.Script): _picture,
    }
    return type("EasyPhotoFaces", (scripts.Script,), callbacks)


def picture_callback(script: type) -> str:
    """The callback that sees the whole picture also where only its masked part was painted, if the host has it."""
    whole = "postprocess_image_after_composite"
    return whole if hasattr(script, whole) else "postprocess_image"


def _fields(script: Any, is_img2img: bool) -> list[Any]:
    from easyphoto.webui.face_script import fields

    return fields.build(script, is_img2img)


def _process(script: Any, p: Any, *given: Any) -> None:
    if _asks(given, p):
        from easyphoto.webui.face_script import pictures

        pictures.process(p, given)


def _picture(script: Any, p: Any, pp: Any, *given: Any) -> None:
    if _asks(given, p):
        from easyphoto.webui.face_script import pictures

        pictures.after_picture(p, pp, given)


def _asks(given: Sequence[Any], p: Any) -> bool:
    """Whether the script is enabled, on the page, in a request or by an axis of the host's plot."""
    from easyphoto.webui.face_script.axes import VALUES

    return bool(given and given[0]) or hasattr(p, VALUES)
