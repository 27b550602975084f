"""Files of the list in a folder that the user brings: told by name and length, their hash decides later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from easyphoto.weights.catalog import WeightCatalog, WeightFile
from easyphoto.weights.places import names_of


def offered(catalog: WeightCatalog, folder: Path) -> Iterator[tuple[WeightFile, Path]]:
    """Files of the list that a file below the folder may be.

    Several networks come as ``pytorch_model.pt``: one whose hash is not known must lie in a folder of its
    repository's name, or of its id.
    """
    for path in sorted(found for found in folder.rglob("*") if found.is_file() and not found.name.startswith(".")):
        size = path.stat().st_size
        named = [file for file in catalog if path.name in names_of(file) and file.bytes in (None, size)]
        for file in named:
            if file.sha256 or file.bytes or len(named) == 1 or _lies_in_its_folder(file, path):
                yield file, path


def _lies_in_its_folder(file: WeightFile, path: Path) -> bool:
    repositories = {source.repo.rpartition("/")[2] for source in file.sources}
    return not ({file.id, *repositories, *(name.replace(".", "___") for name in repositories)} - {""}).isdisjoint(
        path.parts
    )
