"""The few places where gradio 3.41, 4.40 and the newest differ; everything else uses what all three have."""

from __future__ import annotations

import inspect
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from easyphoto.errors import BadRequest

PICTURES = ["image", ".heic", ".heif", ".tif", ".tiff", ".bmp", ".webp"]
DAY = 86_400  # seconds


@dataclass(frozen=True)
class PageAssets:
    """Style and script of a page of our own; inside the WebUI the host loads the same files."""

    css: str
    script: str


def accepted(callable_: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Those of `options` that this gradio's `callable_` names. Forge wraps events in something that takes anything."""
    known = inspect.signature(getattr(callable_, "replaced_event", callable_)).parameters
    return {name: value for name, value in options.items() if name in known}


def page(title: str, look: PageAssets | None) -> Any:
    """A Blocks context; with a look for a page of our own. Uploads are deleted a day after their last use."""
    assets = asset_options(look) if look else {}
    options = {"title": title, "analytics_enabled": False, "delete_cache": (3600, DAY), **assets}
    return gr.Blocks(**accepted(gr.Blocks.__init__, options))


def asset_options(look: PageAssets) -> dict[str, Any]:
    """Theme, style and script as options of Blocks or of mounting, whichever has them."""
    return {"css": look.css, "head": f"<script>{look.script}</script>", "theme": theme()}


def mount(app: Any, blocks: Any, path: str, look: PageAssets) -> Any:
    """The page mounted at `path`; no file outside gradio's cache is served, no Node process is started."""
    options = {
        "allowed_paths": [],
        "show_error": False,
        "ssr_mode": False,
        "footer_links": [],
        "max_file_size": "100mb",
        **asset_options(look),
    }
    blocks.queue()
    # gradio refuses paths outside its upload folder only once a page is launched, and mounting never says that it is.
    blocks.has_launched = True
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


@dataclass(frozen=True)
class GradioFile:
    """A file in gradio's hands."""

    file: Path
    name: str  # as the user calls it
    copies: tuple[Path, ...] = ()  # what else gradio has of it

    def source(self) -> Path | None:
        """One that is there; 3.41 shares its copies between everybody who brings the same content."""
        return next((file for file in (*self.copies, self.file) if file.is_file()), None)


def uploaded(value: Any) -> list[GradioFile]:
    """Files of a File's or UploadButton's value. Raises BadRequest for one that no browser has brought."""
    several = value if isinstance(value, list) else [value]
    return [_upload(one) for one in several if one is not None]


def _upload(one: Any) -> GradioFile:
    """New gradios give a path below their folder. 3.41 gives a copy of any path the browser has named."""
    if isinstance(one, (str, Path)):
        return GradioFile(Path(one), Path(one).name)
    brought = Path(one.orig_name)
    if brought.is_absolute() and not _is_gradios(brought):
        discard(GradioFile(Path(one.name), brought.name))
        raise BadRequest("upload.not-uploaded", stage="upload")
    return GradioFile(Path(one.name), brought.name, (brought,) if brought.is_absolute() else ())


def discard(upload: GradioFile) -> None:
    """Delete whatever gradio holds of it, and the folders that are empty then."""
    for file in (upload.file, *upload.copies):
        if _is_gradios(file):
            file.unlink(missing_ok=True)
            with suppress(OSError):
                file.parent.rmdir()


def _is_gradios(file: Path) -> bool:
    """Whether it lies in the folder of gradio's temporary files."""
    folder = Path(os.environ.get("GRADIO_TEMP_DIR") or Path(tempfile.gettempdir()) / "gradio").resolve()
    return folder in file.resolve().parent.parents


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
