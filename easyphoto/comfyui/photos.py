"""Photos of a person as nodes are given them: pictures of the workflow, or a folder on the machine of ComfyUI."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from easyphoto.comfyui.tensors import pictures_of
from easyphoto.domain import Photo
from easyphoto.errors import BadRequest, NotAllowed, NotFound
from easyphoto.images import may_be_picture, save_picture


def photos_of(batches: Sequence[Any], folder: str, scratch: Path) -> list[Photo]:
    """Pictures of all IMAGE batches, written into `scratch`, then those of the folder by name.

    Raises BadRequest where there is neither, NotFound, NotAllowed.
    """
    pictures = [picture for batch in batches if batch is not None for picture in pictures_of(batch)]
    photos = [_written(picture, number, scratch) for number, picture in enumerate(pictures, 1)]
    if folder.strip():
        photos += [Photo(file, file.name) for file in pictures_in(folder)]
    if not photos:
        raise BadRequest("jobs.no-picture", stage="preflight")
    return photos


def _written(picture: Image.Image, number: int, scratch: Path) -> Photo:
    file = scratch / f"picture-{number:03d}.png"
    save_picture(picture, file, ai_made=False)
    return Photo(file, file.stem)


def pictures_in(folder: str) -> list[Path]:
    """What may be a picture in that folder, by name. Raises NotFound, NotAllowed, BadRequest for an empty one."""
    place = folder_of(folder)
    found = sorted(file for file in place.iterdir() if file.is_file() and may_be_picture(file, file.name))
    if not found:
        raise BadRequest("comfyui.empty-folder", stage="preflight", folder=folder)
    return found


def folder_of(text: str) -> Path:
    """A folder below ComfyUI's input folder, or any on this machine while nobody else can reach ComfyUI.

    Raises NotFound, NotAllowed.
    """
    import folder_paths

    inside = Path(folder_paths.get_input_directory()).resolve()
    place = (inside / Path(text.strip()).expanduser()).resolve()
    if not place.is_relative_to(inside) and _open_to_others():
        raise NotAllowed("comfyui.folder-outside", stage="preflight", folder=text, inside=str(inside))
    if not place.is_dir():
        raise NotFound("comfyui.no-folder", stage="preflight", folder=text, inside=str(inside))
    return place


def _open_to_others() -> bool:
    """Whether ComfyUI listens to other machines, whose users are not to look into folders of this one."""
    from comfy.cli_args import args

    return not all(_is_loopback(one.strip()) for one in str(args.listen).split(","))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
