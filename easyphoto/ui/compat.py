"""The few places where gradio 3.41, 4.40 and the newest differ; everything else uses what all three have."""

from __future__ import annotations

import inspect
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
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


def as_choices(names: Sequence[str]) -> list[Any]:
    """What a Dropdown made with those names holds as its `choices`."""
    return list(gr.Dropdown(list(names), render=False).choices)


def hidden_box(elem_id: str) -> gr.Textbox:
    """A text field in the page that only our script writes to."""
    return gr.Textbox(elem_id=elem_id, elem_classes=["ep-hidden"], label=elem_id, show_label=False, container=False)


DRAFT_READ = "<i data-ep-draft-read></i>"
"""Tells our script that the browser's token has arrived."""


def draft_field(panel: str) -> tuple[gr.Textbox, gr.HTML]:
    """A text field for the browser's token, and what answers it."""
    answer = gr.HTML("", elem_id=f"ep-{panel}-draft-read", elem_classes=["ep-hidden"])
    return hidden_box(f"ep-{panel}-draft-box"), answer


def upload_field(label: str, elem_id: str, pictures: bool = True) -> gr.File:
    """A field for files to be dropped on.

    It takes any file, and the panel refuses what is of no use by name: where gradio refuses one, the field is covered
    by the word "Error" and swallows the next click.
    """
    takes = "ep-takes-pictures" if pictures else "ep-takes-zip"  # our script tells the file dialog
    count = "multiple" if pictures else "single"
    options = {"file_count": count, "elem_id": elem_id, "elem_classes": ["ep-upload", takes]}
    return _refusing_foreign_files(gr.File(label=label, **options))


def folder_button(label: str, elem_id: str) -> gr.UploadButton:
    """A button that uploads the files of a folder."""
    return _refusing_foreign_files(gr.UploadButton(label, file_count="directory", elem_id=elem_id))


def pictures_button(label: str, elem_id: str) -> gr.UploadButton:
    """A button that uploads pictures."""
    options = {"file_count": "multiple", "file_types": PICTURES, "elem_id": elem_id}
    return _refusing_foreign_files(gr.UploadButton(label, **options))


def _refusing_foreign_files(field: Any) -> Any:
    """The field, which raises BadRequest for what no browser has brought, before gradio has a copy of it.

    Gradio 3.41 copies every file of the machine that is named, and 4.40 fetches every address. An update of the field
    makes gradio 4 use a new one, so events empty it by the value None.
    """
    preprocess = field.preprocess
    cached: Any = getattr(field, "async_move_resource_to_block_cache", None)

    def checked(value: Any) -> Any:
        _refuse_foreign(_named_files(value))
        return preprocess(value)

    async def checked_and_cached(named: str) -> Any:
        _refuse_foreign([Path(named)])
        return await cached(named)

    field.preprocess = checked
    if cached:
        field.async_move_resource_to_block_cache = checked_and_cached
    return field


def _refuse_foreign(files: Iterable[Path]) -> None:
    """Raises BadRequest unless a browser has brought all of them."""
    if not all(map(is_uploaded, files)):
        raise BadRequest("upload.not-uploaded", stage="upload")


def _named_files(value: Any) -> list[Path]:
    """Paths that a message from a browser names: dictionaries in 3.41, where content may come in place of a path."""
    several = getattr(value, "root", value)
    files = several if isinstance(several, list) else [several]
    messages = [vars(file) if hasattr(file, "path") else file for file in files if file is not None]
    return [Path(m["path"] if "path" in m else m["name"]) for m in messages if "path" in m or m.get("is_file")]


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
    """Files of a File's or UploadButton's value. Raises BadRequest, and keeps none, if no browser has brought one."""
    several = value if isinstance(value, list) else [value]
    files = [_upload(one) for one in several if one is not None]
    try:
        _refuse_foreign(path for file in files for path in (file.file, *file.copies))
    except BadRequest:
        for file in files:
            discard(file)
        raise
    return files


def _upload(one: Any) -> GradioFile:
    """New gradios give a path below their folder. 3.41 gives its copy, and the path or bare name from the message."""
    if isinstance(one, (str, Path)):
        return GradioFile(Path(one), Path(one).name)
    brought = Path(one.orig_name)
    return GradioFile(Path(one.name), brought.name, () if brought.name == str(brought) else (brought,))


def discard(upload: GradioFile) -> None:
    """Delete whatever gradio holds of it, and the folders that are empty then."""
    for file in (upload.file, *upload.copies):
        if is_uploaded(file):
            file.unlink(missing_ok=True)
            with suppress(OSError):
                file.parent.rmdir()


def is_uploaded(file: Path) -> bool:
    """Whether it really lies in gradio's folder of uploads, where every one has a folder of its own."""
    return upload_folder() in file.resolve().parent.parents


def upload_folder() -> Path:
    """Gradio's, which all of a user's programs with gradio may share."""
    return Path(os.environ.get("GRADIO_TEMP_DIR") or Path(tempfile.gettempdir()) / "gradio").resolve()


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
