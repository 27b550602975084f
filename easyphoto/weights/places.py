"""Where files belong, and where else on this machine they may lie: folders of a WebUI, caches of the hubs' clients."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from easyphoto.paths import checkout
from easyphoto.weights.catalog import FACES, FOLDERS, WeightFile
from easyphoto.weights.sources import HUGGINGFACE, MODELSCOPE, WeightSource

_WEBUI = {
    "": ("models/Stable-diffusion",),
    "vae": ("models/VAE", "models/Stable-diffusion"),
    "lora": ("models/Lora",),
    "controlnet": ("models/ControlNet", "extensions/sd-webui-controlnet/models"),
    FACES: ("models/GFPGAN", "models/ESRGAN", "models/RealESRGAN", "models/facefusion", "models/insightface"),
}
"""Folders of a WebUI by those of `FOLDERS`."""


@dataclass(frozen=True)
class WeightFolders:
    """The program's own folder of weights, the files that ship, and a WebUI's folders by those of `FOLDERS`."""

    own: Path
    models: Path
    webui: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    into_webui: bool = False  # whether files that the WebUI itself uses are fetched into its folders

    def place(self, file: WeightFile) -> Path:
        """Where the file lies or will lie."""
        if file.shipped:
            return self.models / file.shipped
        folders = self.webui.get(FOLDERS[file.role], ())
        if self.into_webui and folders and FOLDERS[file.role] != FACES:
            return next(
                (found for folder in folders if (found := folder / file.name).is_file()), folders[0] / file.name
            )
        return self.own / file.place

    def elsewhere(self, file: WeightFile) -> Iterator[Path]:
        """Other files on this machine that may be it, by name and length; whether they are must be checked."""
        place = self.place(file)
        for found in (*self._in_webui(file), *_in_caches(file)):
            if found != place and (file.bytes is None or found.stat().st_size == file.bytes):
                yield found

    def _in_webui(self, file: WeightFile) -> Iterator[Path]:
        """A name alone proves nothing: only files whose length or hash is known are looked for."""
        if file.bytes is None and not file.sha256:
            return
        names = names_of(file)
        for folder in self.webui.get(FOLDERS[file.role], ()):
            yield from (found for found in sorted(folder.rglob("*")) if found.name in names and found.is_file())


def webui_folders(root: Path) -> dict[str, tuple[Path, ...]]:
    """Of the WebUI whose folder that is."""
    return {name: tuple(root / folder for folder in folders) for name, folders in _WEBUI.items()}


def webui_around() -> Path | None:
    """The folder of the WebUI that this program is an extension of; None where it is none."""
    root = checkout().parent.parent
    return root if checkout().parent.name == "extensions" and (root / "models").is_dir() else None


def names_of(file: WeightFile) -> frozenset[str]:
    """Names under which it may lie: ours, and those of its sources."""
    return frozenset((file.name, *(PurePosixPath(source.path or source.url).name for source in file.sources)))


def _in_caches(file: WeightFile) -> Iterator[Path]:
    found = (place for source in file.sources for place in _CACHES.get(source.hub, _no_cache)(source))
    yield from (place for place in found if place.is_file())


def _no_cache(source: WeightSource) -> Iterator[Path]:
    yield from ()


def _huggingface(source: WeightSource) -> Iterator[Path]:
    """``models--OWNER--NAME/snapshots/COMMIT``; a branch is a file with its commit."""
    home = os.environ.get("HF_HOME") or str(_cache() / "huggingface")
    hub = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or str(Path(home) / "hub")
    repo = Path(hub).expanduser() / f"models--{source.repo.replace('/', '--')}"
    branch = repo / "refs" / source.revision
    commit = branch.read_text(encoding="utf-8").strip() if branch.is_file() else source.revision
    yield repo / "snapshots" / commit / source.path


def _modelscope(source: WeightSource) -> Iterator[Path]:
    """Its client writes ``models/OWNER--NAME/snapshots/REVISION``.

    Versions before 1.40 have ``OWNER/NAME`` at one of these depths, and some of them no dot in names.
    """
    root = Path(os.environ.get("MODELSCOPE_CACHE") or _cache() / "modelscope").expanduser()
    snapshots = Path(source.repo.replace("/", "--"), "snapshots", source.revision)
    yield from (root / above / "models" / snapshots / source.path for above in ("", "hub"))
    for repo in dict.fromkeys((source.repo, source.repo.replace(".", "___"))):
        for above in ("hub/models", "hub", "models", ""):
            yield root / above / repo / source.path


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


_CACHES = {HUGGINGFACE: _huggingface, MODELSCOPE: _modelscope}
