"""LoRA files that are nobody's: of a scene, a style, or for few steps."""

from __future__ import annotations

from pathlib import Path

from easyphoto.weights.places import WeightFolders

_FOLDER = "lora"


def lora_files(folders: WeightFolders) -> dict[str, Path]:
    """Name -> file in the program's own folder and a WebUI's, by name; files of one name: the first folder's.

    Hidden folders are left out: in a WebUI one of them holds copies of people's LoRAs.
    """
    found: dict[str, Path] = {}
    for folder in (folders.own / _FOLDER, *folders.webui.get(_FOLDER, ())):
        for file in sorted(folder.rglob("*.safetensors")) if folder.is_dir() else []:
            inside = file.relative_to(folder)
            if not any(part.startswith(".") for part in inside.parts):
                found.setdefault(inside.with_suffix("").as_posix(), file)
    return dict(sorted(found.items()))
