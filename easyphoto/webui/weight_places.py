"""Model files inside a WebUI: its own folders are looked through, and take what it uses itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from easyphoto.paths import Paths
from easyphoto.weights import WeightStore, read_catalog
from easyphoto.weights.places import WeightFolders, webui_folders

_OPTIONS = {"": "ckpt_dir", "vae": "vae_dir", "lora": "lora_dir", "controlnet": "controlnet_dir"}
"""Folders of weights by the host's command-line options for other places."""


def host_store(paths: Paths) -> WeightStore:
    """With the host's folders, those of its command line first."""
    from modules.paths_internal import data_path
    from modules.shared_cmd_options import cmd_opts

    folders = {
        name: (*_asked(cmd_opts, _OPTIONS.get(name, "")), *usual)
        for name, usual in webui_folders(Path(data_path)).items()
    }
    return WeightStore(
        lambda: read_catalog(paths.models), WeightFolders(paths.weights, paths.models, folders, into_webui=True)
    )


def _asked(options: Any, name: str) -> tuple[Path, ...]:
    """A folder that is there; the extension Lora sets its option to the usual place, which may be missing."""
    folder = getattr(options, name, None) if name else None
    return (Path(folder),) if folder and Path(folder).is_dir() else ()
