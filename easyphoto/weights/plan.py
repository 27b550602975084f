"""What a fetch will do, before it does anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from easyphoto.errors import BadRequest
from easyphoto.locales import Message, message
from easyphoto.weights.catalog import WeightCatalog, WeightFile


@dataclass(frozen=True)
class PlannedFile:
    """A file that is wanted and not in its place."""

    file: WeightFile
    found: tuple[Path, ...] = ()  # files on this machine that may be it; empty: it has to be downloaded


@dataclass(frozen=True)
class FetchPlan:
    """What is missing of what was asked for."""

    files: tuple[PlannedFile, ...]
    there: tuple[WeightFile, ...] = ()
    notes: tuple[Message, ...] = field(default_factory=tuple)

    @property
    def download(self) -> tuple[WeightFile, ...]:
        """What no other folder of this machine has."""
        return tuple(one.file for one in self.files if not one.found)

    @property
    def bytes(self) -> int:
        """To download, as far as it is known."""
        return sum(file.bytes or 0 for file in self.download)

    @property
    def unknown(self) -> int:
        """Files to download whose length is not public."""
        return sum(file.bytes is None for file in self.download)

    @property
    def summary(self) -> Message:
        """Number and size."""
        code = "weights.total-at-least" if self.unknown else "weights.total"
        return Message(code, {"count": len(self.download), "size": self.bytes / 1e9})


def selected(catalog: WeightCatalog, names: Sequence[str]) -> tuple[WeightFile, ...]:
    """The files of those groups and ids, each once; all of the list for no names. Raises BadRequest."""
    files = (file for name in names for file in catalog.select(name)) if names else iter(catalog)
    return tuple({file.id: file for file in files}.values())


def for_commerce(catalog: WeightCatalog, names: Sequence[str]) -> tuple[tuple[WeightFile, ...], tuple[Message, ...]]:
    """The same, but none that is for research only: in a group its substitutes stand for it, which the notes say.

    Raises BadRequest naming the substitutes for one that is asked for by its id.
    """
    files: dict[str, WeightFile] = {}
    notes = []
    for file in selected(catalog, names):
        if file.commercial:
            files[file.id] = file
            continue
        if file.id in names:
            raise refused(file)
        substitutes = list(file.substitutes)
        notes.append(message("weights.note.replaced", name=file.id, license=file.license, substitutes=substitutes))
        files |= {one.id: one for one in catalog.substitutes_of(file)}
    return tuple(files.values()), tuple(notes)


def refused(file: WeightFile) -> BadRequest:
    """The failure for one that is for research only, with what may stand in for it."""
    substitutes = list(file.substitutes)
    return BadRequest(
        "weights.not-commercial", stage="weights", name=file.id, license=file.license, substitutes=substitutes
    )
