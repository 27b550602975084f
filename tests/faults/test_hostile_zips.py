"""Hostile zips against the importer of persons: refused with a reason, and nothing of them stays."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from counts import tries
from hostile_zips import hostile

from easyphoto.errors import EasyPhotoError
from easyphoto.library import Library
from easyphoto.paths import Paths

sys.path.append(str(Path(__file__).resolve().parents[1] / "library"))

from library_world import draft, exported

resource = pytest.importorskip("resource", reason="POSIX")


def files_below(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*")}


def peak() -> int:
    """Kilobytes of memory that this process has ever had at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.slow
def test_hostile_zips_are_refused_and_leave_nothing(tmp_path: Path):
    data = exported(Library(Paths(tmp_path / "source")), draft(tmp_path / "set"), tmp_path).read_bytes()
    shelf = Library(Paths(tmp_path / "box" / "data"))
    (tmp_path / "box" / "data" / "persons").mkdir(parents=True)
    file, tried, taken = tmp_path / "hostile.zip", 0, []
    peak_before = peak()
    before = files_below(tmp_path / "box")
    for what, content in hostile(data, tries(120, 400)):
        tried += 1
        file.write_bytes(content)
        begun = time.process_time()
        try:
            person = shelf.import_(file)
        except EasyPhotoError as error:
            assert error.code != "defect" and error.problem, what
        else:
            taken.append(what)  # a byte that says nothing, such as a date
            assert person.folder.resolve().parent == shelf.open(person.id).folder.parent.resolve()
            shelf.remove(person.id)
        assert time.process_time() - begun < 5, what
        assert files_below(tmp_path / "box") - before <= {"data/persons/.saving.lock", "data/persons/.lock"}, what
    assert tried == tries(120, 400)
    assert [what for what in taken if not what.startswith(("byte", "manifest", "junk", "table"))] == []
    assert peak() - peak_before < 400_000
