"""The files that the program can use, as `models/weights.toml` lists them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from easyphoto.errors import BadRequest
from easyphoto.weights.sources import WeightSource

FACES = "faces"
FOLDERS: Mapping[str, str] = MappingProxyType(
    {
        "base": "",
        "vae": "vae",
        "lora": "lora",
        "identity": "identity",
        **dict.fromkeys(("canny", "openpose", "tile", "color", "union"), "controlnet"),
        **dict.fromkeys(("detect", "recognize", "segment", "retouch", "enhance", "fuse", "parse", "quality"), FACES),
    }
)
"""What a file is for -> its folder below that of weights; files for faces have a folder each, named by their id."""


@dataclass(frozen=True)
class WeightFile:
    """One file: what it is for, how it is known, whose it is, where it is fetched."""

    id: str
    name: str  # of the file on disk
    role: str  # a key of `FOLDERS`
    license: str
    commercial: bool  # whether the license allows commercial use
    groups: tuple[str, ...] = ()  # what needs it; empty: fetched by its id only
    bytes: int | None = None
    sha256: str = ""  # "": learnt at the first download
    sources: tuple[WeightSource, ...] = ()  # in the order in which they are tried
    substitutes: tuple[str, ...] = ()  # ids of files for commercial use that do the same
    shipped: str = ""  # path below `models`, of a file that comes with the program

    @property
    def place(self) -> PurePosixPath:
        """Below the folder of weights."""
        folder = PurePosixPath(FOLDERS[self.role])
        return folder / self.id / self.name if FOLDERS[self.role] == FACES else folder / self.name


@dataclass(frozen=True)
class WeightCatalog:
    """All files by id, in the list's order."""

    files: Mapping[str, WeightFile] = field(default_factory=dict)

    def __iter__(self) -> Iterator[WeightFile]:
        return iter(self.files.values())

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of groups, in the list's order."""
        return tuple(dict.fromkeys(group for file in self for group in file.groups))

    def file(self, name: str) -> WeightFile:
        """By id. Raises BadRequest."""
        if name not in self.files:
            raise BadRequest("weights.unknown-file", stage="weights", name=name[:80], known=list(self.files))
        return self.files[name]

    def select(self, name: str) -> tuple[WeightFile, ...]:
        """The files of a group, or the one of that id. Raises BadRequest."""
        if name in self.files:
            return (self.files[name],)
        if name not in self.groups:
            raise BadRequest("weights.unknown-group", stage="weights", name=name[:80], groups=list(self.groups))
        return tuple(file for file in self if name in file.groups)

    def substitutes_of(self, file: WeightFile) -> tuple[WeightFile, ...]:
        """Files for commercial use that do the same."""
        return tuple(self.files[name] for name in file.substitutes)


def shipped_file(file: WeightFile, models: Path) -> Path | None:
    """Where a file lies that comes with the program; None for others."""
    return models / file.shipped if file.shipped else None
