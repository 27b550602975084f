"""Renamed and removed without a trace; two writers wait for each other."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from library_world import picture

from easyphoto.errors import AlreadyThere, BadName, Busy, NotFound
from easyphoto.library import Library, PersonDraft
from easyphoto.library.lock import write_lock
from easyphoto.paths import Paths


def test_rename_changes_only_the_name(shelf: Library, anna: PersonDraft):
    made = shelf.create(anna)
    renamed = shelf.rename(made.id, " Anna  Schmidt ")
    assert renamed == replace(made, name="Anna Schmidt")
    shelf.create(replace(anna, name="Bert"))
    with pytest.raises(AlreadyThere):
        shelf.rename(made.id, "BERT")
    with pytest.raises(BadName):
        shelf.rename(made.id, "")
    with pytest.raises(NotFound):
        shelf.rename("nobody", "x")


def test_removal_leaves_no_trace(shelf: Library, anna: PersonDraft, home: Path):
    made = shelf.create(anna)
    picture(home / "jobs" / "train-anna-muller" / "set" / "train" / "0000.png")
    picture(home / "jobs" / "train-anna" / "0000.png")
    picture(home / "persons" / ".new-anna-muller" / "0000.png")
    count = sum(1 for f in made.folder.rglob("*") if f.is_file()) + 2
    size = shelf.size(made.id)
    removed = shelf.remove(made.id)
    assert (removed.files, removed.bytes, removed.left) == (count, size, ())
    assert not [f for f in home.rglob("*") if "muller" in f.name]
    assert (home / "jobs" / "train-anna" / "0000.png").is_file(), "another person's job stays"
    with pytest.raises(NotFound):
        shelf.remove(made.id)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom the system can refuse")
def test_what_cannot_be_removed_is_named(shelf: Library, anna: PersonDraft):
    made = shelf.create(anna)
    made.photos[0].parent.chmod(0o500)
    assert set(shelf.remove(made.id).left) == set(made.photos)
    made.photos[0].parent.chmod(0o700)


def test_what_cannot_be_removed_is_named_by_a_refusing_system(
    shelf: Library, anna: PersonDraft, monkeypatch: pytest.MonkeyPatch
):
    made = shelf.create(anna)
    unlink = Path.unlink

    def refuse(file: Path, missing_ok: bool = False) -> None:
        if file.name == "0001.jpg":
            raise PermissionError
        unlink(file, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    assert shelf.remove(made.id).left == (made.photos[1],)


def test_removal_does_not_follow_links(shelf: Library, anna: PersonDraft, tmp_path: Path):
    made = shelf.create(anna)
    precious = picture(tmp_path / "precious" / "a.png")
    (made.folder / "link").symlink_to(precious.parent, target_is_directory=True)
    (made.folder.parent / "linked").symlink_to(precious.parent, target_is_directory=True)
    shelf.remove(made.id)
    shelf.remove("linked")
    assert precious.is_file() and not made.folder.exists()


def test_a_second_writer_is_told(shelf: Library, anna: PersonDraft, home: Path):
    shelf.create(anna)
    with write_lock(home / "persons" / ".lock", 0), pytest.raises(Busy):
        shelf.remove("anna-muller")
    assert shelf.remove("anna-muller").files > 0


def test_a_writer_waits_for_another_one(anna: PersonDraft, home: Path, tmp_path: Path):
    shelf = Library(Paths(home, tmp_path), patience=20)
    (home / "persons").mkdir(parents=True)
    with write_lock(home / "persons" / ".lock", 0):
        thread = threading.Thread(target=shelf.create, args=(anna,))
        thread.start()
        time.sleep(0.3)
        assert shelf.list() == ()
    thread.join(20)
    assert len(shelf.list()) == 1


def test_the_lock_of_a_killed_process_is_free(shelf: Library, anna: PersonDraft, home: Path):
    (home / "persons").mkdir(parents=True)
    code = (
        "import sys,time,pathlib; from easyphoto.library.lock import write_lock\n"
        "with write_lock(pathlib.Path(sys.argv[1]), 0): print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(home / "persons" / ".lock")], stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline().strip() == b"held"
    with pytest.raises(Busy):
        shelf.create(anna)
    child.kill()
    child.wait()
    child.stdout.close()
    assert shelf.create(anna).id == "anna-muller"
