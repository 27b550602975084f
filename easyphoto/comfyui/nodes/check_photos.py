"""The node *Check photos*: what is thought of each photo, and those that can be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from easyphoto.comfyui.failures import shown_by_host, validated
from easyphoto.comfyui.node_progress import NodeProgress
from easyphoto.comfyui.photos import folder_of, photos_of
from easyphoto.comfyui.runtime import language, studio
from easyphoto.comfyui.tensors import image_of
from easyphoto.comfyui.texts import labels, titles
from easyphoto.domain import Photo, PhotoReport, Verdict
from easyphoto.images import open_picture
from easyphoto.library.uploads import scratch_folder
from easyphoto.locales import message
from easyphoto.stages import CHECKING


class CheckPhotos(io.ComfyNode):
    """Inputs come as lists, so that photos of any sizes are one set."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Photos or a folder in; a report and the usable photos out."""
        return io.Schema(
            node_id="EasyPhotoCheckPhotos",
            **titles("check"),
            inputs=[
                io.Image.Input("photos", optional=True, **labels("photos")),
                io.String.Input("folder", default="", optional=True, **labels("folder")),
            ],
            outputs=[
                io.String.Output("report", display_name="report"),
                io.Image.Output("accepted", display_name="accepted", is_output_list=True),
            ],
            hidden=[io.Hidden.unique_id],
            is_input_list=True,
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, folder: Any = None) -> bool | str:
        """The folder is there and may be read."""
        return validated(lambda: check_folder(folder))

    @classmethod
    def fingerprint_inputs(cls, folder: Any = None, **_: Any) -> str:
        """Changes with the folder's pictures."""
        return folder_state(folder)

    @classmethod
    def execute(cls, photos: Sequence[Any] = (), folder: Sequence[str] = ("",)) -> io.NodeOutput:
        """See `Studio.check_photos`."""
        with shown_by_host(), scratch_folder(studio().paths.jobs) as scratch:
            given = photos_of(photos, folder[0] or "", scratch)
            reports = studio().check_photos(given, NodeProgress(cls.hidden.unique_id, CHECKING))
            told = "\n".join(_line(report) for report in reports)
            accepted = [image_of(_opened(one)) for one in _usable(given, reports)]
        return io.NodeOutput(told, accepted, ui={"text": (told,)})


def check_folder(given: Any) -> None:
    """Raise NotFound or NotAllowed for a folder that is typed in; one from another node is seen later."""
    typed = first(given)
    if isinstance(typed, str) and typed.strip():
        folder_of(typed)


def folder_state(given: Any) -> str:
    """A text that changes with the pictures of the folder: their names, sizes and times."""
    typed = first(given)
    if not isinstance(typed, str) or not typed.strip():
        return ""
    files = sorted(file for file in folder_of(typed).iterdir() if file.is_file())
    return "\n".join(f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)


def first(given: Any) -> Any:
    """The one value of an input that comes as a list."""
    return given[0] if isinstance(given, (list, tuple)) and given else given


def _line(report: PhotoReport) -> str:
    verdict = report.verdict.message
    said = message("photo.named-reasons", name=report.name, reasons=(verdict, *report.reasons))
    return said.text(language())


def _usable(photos: Sequence[Photo], reports: Sequence[PhotoReport]) -> list[Photo]:
    return [photo for photo, one in zip(photos, reports, strict=True) if one.verdict is not Verdict.DROP]


def _opened(photo: Photo) -> Any:
    return open_picture(photo.file)
