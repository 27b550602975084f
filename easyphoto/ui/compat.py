"""The few places where gradio 3.41, 4.40 and the newest differ; everything else uses what all three have."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

PICTURES = ["image", ".heic", ".heif", ".tif", ".tiff", ".bmp", ".webp"]
DAY = 86_400  # seconds


@dataclass(frozen=True)
class Look:
    """What a page of our own wears; inside the WebUI the host loads the same files."""

    css: str
    script: str


def accepted(callable_: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Those of `options` that this gradio's `callable_` names as parameters."""
    known = inspect.signature(callable_).parameters
    return {name: value for name, value in options.items() if name in known}


def page(title: str, look: Look | None) -> Any:
    """A Blocks context; with a look for a page of our own. Uploads are deleted a day after their last use."""
    worn = dressing(look) if look else {}
    options = {"title": title, "analytics_enabled": False, "delete_cache": (3600, DAY), **worn}
    return gr.Blocks(**accepted(gr.Blocks.__init__, options))


def dressing(look: Look) -> dict[str, Any]:
    """Theme, style and script as options of Blocks or of mounting, whichever has them."""
    return {"css": look.css, "head": f"<script>{look.script}</script>", "theme": theme()}


def mount(app: Any, blocks: Any, path: str, look: Look) -> Any:
    """The page mounted at `path`; no file outside gradio's cache is served, no Node process is started."""
    options = {
        "allowed_paths": [],
        "show_error": False,
        "ssr_mode": False,
        "footer_links": [],
        "max_file_size": "100mb",
        **dressing(look),
    }
    blocks.queue()
    return gr.mount_gradio_app(app, blocks, path, **accepted(gr.mount_gradio_app, options))


def theme() -> Any:
    """Calm, and without fonts from the net."""
    system = [
        "ui-sans-serif",
        "system-ui",
        "-apple-system",
        "Segoe UI",
        "PingFang SC",
        "Noto Sans CJK SC",
        "sans-serif",
    ]
    mono = ["ui-monospace", "SFMono-Regular", "Consolas", "monospace"]
    return gr.themes.Base(
        primary_hue="teal", neutral_hue="stone", radius_size="md", spacing_size="md", font=system, font_mono=mono
    )


def hidden_box(elem_id: str) -> gr.Textbox:
    """A text field in the page that only our script writes to."""
    return gr.Textbox(elem_id=elem_id, elem_classes=["ep-hidden"], label=elem_id, show_label=False, container=False)


def hidden_button(elem_id: str) -> gr.Button:
    """A button that only our script presses."""
    return gr.Button(elem_id, elem_id=elem_id, elem_classes=["ep-hidden"])


def upload_field(label: str, elem_id: str, pictures: bool = True) -> gr.File:
    """A field for files to be dropped on."""
    kinds = PICTURES if pictures else [".zip"]
    count = "multiple" if pictures else "single"
    return gr.File(label=label, file_count=count, file_types=kinds, elem_id=elem_id, elem_classes=["ep-upload"])


def uploaded(value: Any) -> list[Path]:
    """Files of a File or UploadButton value: paths in new gradios, open temporary files in 3.41."""
    if value is None:
        return []
    several = value if isinstance(value, list) else [value]
    return [Path(one if isinstance(one, (str, Path)) else one.name) for one in several]


def uploaded_names(value: Any) -> list[str]:
    """The same files' names as the user knows them."""
    several = value if isinstance(value, list) else [value]
    return [Path(str(getattr(one, "orig_name", None) or getattr(one, "name", one))).name for one in several if one]


def listen(
    event: Any, run: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any], once: bool = False
) -> Any:
    """Bind `run` to an event such as ``button.click``, without overlay and without a public API name.

    With `once` a second event is passed over while the first one is still being answered.
    """
    options = {
        "inputs": list(inputs),
        "outputs": list(outputs),
        "queue": False,
        "show_progress": "hidden",
        "api_name": False,
        "trigger_mode": "once" if once else "multiple",
        "concurrency_limit": None,
    }
    return event(run, **accepted(event, options))
