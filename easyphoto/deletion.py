"""Deleting a person: everything that was made of their photos, wherever the program has put it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from easyphoto.errors import BadModel, BadPicture, NotFound
from easyphoto.images import read_infotext
from easyphoto.jobs import Job, removal
from easyphoto.jobs.database import NAME as JOB_DATABASE
from easyphoto.jobs.store import JobStore
from easyphoto.library import check_id
from easyphoto.library.archive import manifest_of
from easyphoto.library.drafts import drafts_of
from easyphoto.library.filesystem import NOTHING, Deleted, delete_tree, sha256_of
from easyphoto.library.uploads import REQUEST_FOLDERS
from easyphoto.lora.copies import cards_of, copies_of
from easyphoto.paths import Paths
from easyphoto.picture_tokens import forget_lost_files
from easyphoto.portrait.infotext import shows
from easyphoto.quick import remove_leftovers
from easyphoto.training.working_folder import owned

if TYPE_CHECKING:
    from easyphoto.studio import Studio

PATIENCE = 60.0
"""Seconds a running job of the person gets to end."""


@dataclass(frozen=True)
class Deletion:
    """What was deleted, and what the system would not delete."""

    files: int  # all of them
    bytes: int
    portraits: int
    uploads: int  # originals and exported archives that were kept for a day
    lora_copies: int  # outside the data folder
    jobs: int
    left: tuple[Path, ...]


def delete_person(person: str, studio: Studio, patience: float = PATIENCE) -> Deletion:
    """Delete the person of that id; running jobs of theirs are cancelled first.

    Order matters: jobs end, then the person is gone, so that no portrait can be saved any more, then everything that
    was saved is found. Portraits that were saved outside the data folder (``--out``) stay the user's own.
    Raises BadName, NotFound, and Busy when a job does not end in `patience` seconds or another process trains this
    person; then nothing is deleted.
    """
    paths, library = studio.paths, studio.library
    check_id(person)
    with _store(paths) as store, ExitStack() as held:
        jobs = removal.jobs_of(person, store) if store else []
        if not jobs and not library.folders_of(person):
            raise NotFound("library.no-person", stage="delete", id=person)
        if store:
            removal.stop(jobs, store, patience)
            jobs = removal.jobs_of(person, store)  # also what was asked for meanwhile
            removal.stop(jobs, store, patience)
        held.enter_context(owned(person, paths))  # no training begins, and none of the command line's runs
        photos = removal.photos_of(jobs, store) if store else frozenset[str]()
        copies = _forget_loras(person, studio)
        own = library.remove(person) if library.folders_of(person) else NOTHING
        own += remove_leftovers(paths)  # nobody can tell whose photos a crashed run has left
        portraits = delete_tree(_portraits_of(person, jobs, paths))
        brought = tuple(_uploads_of(person, photos, paths))
        uploads = delete_tree(brought)
        own += delete_tree(drafts_of(paths, person, {one.name for one in brought}))
        rest = removal.remove(jobs, store, paths) if store else NOTHING
        rest += delete_tree(paths.jobs.glob("*.sqlite.damaged*"))  # nobody can tell whom it names
        if store:
            store.erase_deleted()
    forget_lost_files(paths)
    every = own + copies + portraits + uploads + rest
    return Deletion(every.files, every.bytes, portraits.files, len(brought), copies.files, len(jobs), left=every.left)


@contextmanager
def _store(paths: Paths) -> Iterator[JobStore | None]:
    """The list of jobs, where there ever was a job."""
    if not (paths.jobs / JOB_DATABASE).is_file():
        yield None
        return
    with closing(JobStore(paths.jobs)) as store:
        yield store


def _forget_loras(person: str, studio: Studio) -> Deleted:
    """Copies of the person's LoRA files, also those that another process's engine has made."""
    deleted = NOTHING
    for lora in sorted((studio.paths.persons / person).rglob("*.safetensors")):
        copies = [copy for copy in copies_of(lora) if copy.exists()]
        studio.engine.forget(lora)
        gone = [copy for copy in copies if not copy.exists()]
        deleted += Deleted(len(gone), len(gone) * lora.stat().st_size, ())
        deleted += delete_tree(copy for copy in copies if copy.exists())
        cards = delete_tree(card for copy in copies_of(lora) for card in cards_of(copy) if card.exists())
        deleted += replace(cards, files=0)  # they are no copies
    return deleted


def _portraits_of(person: str, jobs: Sequence[Job], paths: Paths) -> Iterator[Path]:
    """Every picture below the portraits that one of their jobs has made, or that says that it shows them."""
    made = {job.id for job in jobs}
    for file in sorted(paths.portraits.rglob("*.png")):
        with suppress(BadPicture):
            if file.parent.name in made or shows(read_infotext(file), person):
                yield file


def _uploads_of(person: str, photos: frozenset[str], paths: Paths) -> Iterator[Path]:
    """Files that were brought and are one of their photos, or an archive of them, with the note of its name."""
    for file in _brought(paths):
        if file.is_file() and (sha256_of(file) in photos or _is_archive_of(file, person)):
            yield file.parent if file.parent.parent == paths.uploads else file


def _brought(paths: Paths) -> Iterable[Path]:
    yield from sorted(paths.uploads.glob("*/data"))
    yield from sorted(paths.jobs.glob(f"{REQUEST_FOLDERS}/*"))
    yield from sorted(paths.temporary.rglob("*"))


def _is_archive_of(file: Path, person: str) -> bool:
    with file.open("rb") as stream:
        if stream.read(2) != b"PK":
            return False
    try:
        return manifest_of(file).id == person
    except BadModel:
        return False
