"""The library: one folder a person, which appears whole or not at all."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from easyphoto.domain import LoraCheckpoint, Person, TrainingSet
from easyphoto.errors import AlreadyThere, BadModel, NoStorage, NotFound, PersonGone
from easyphoto.library import archive, legacy_import
from easyphoto.library.filesystem import Deleted, delete_tree, hash_files, size_of
from easyphoto.library.lock import write_lock
from easyphoto.library.manifest import LARGEST, MANIFEST, Manifest, broken, parse
from easyphoto.library.names import check_id, check_name, slug
from easyphoto.locales import Message
from easyphoto.paths import Paths
from easyphoto.printable import printable
from easyphoto.private_files import make_private, write_atomic
from easyphoto.system_errors import shortage_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class PersonDraft:
    """The parts a person is made of; the files are copied."""

    name: str
    training_set: TrainingSet
    lora: LoraCheckpoint | None  # the merged one
    face_id: Path | None = None  # best validation image
    report: dict[str, Any] | None = None  # JSON: photo reports, losses, votes, seconds, settings
    warnings: tuple[Message, ...] = ()
    base_model: str = ""
    recognizer: str = ""
    checkpoints: tuple[LoraCheckpoint, ...] = ()  # single ones, only when they are to be kept


class Library:
    """Persons under `paths.persons`. One writer at a time; every change is visible at once or not at all.

    A change waits up to `patience` seconds for another writer, then raises Busy.
    """

    def __init__(self, paths: Paths, patience: float = 30.0) -> None:
        self._paths = paths
        self._patience = patience

    def list(self) -> tuple[Person, ...]:
        """Everyone, by name. A damaged folder is logged and left out."""
        folders = sorted(self._paths.persons.iterdir()) if self._paths.persons.is_dir() else []
        people = []
        for folder in folders:
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            try:
                people.append(self._manifest(folder).person(folder))
            except (BadModel, NoStorage) as bad:
                _log.warning("%s left out: %s", printable(folder.name), bad)
        return tuple(sorted(people, key=lambda person: (person.name.casefold(), person.id)))

    def open(self, identifier: str) -> Person:
        """Raises BadName, NotFound, BadModel."""
        folder = self._folder(identifier)
        if not folder.is_dir():
            raise NotFound("library.no-person", stage="library", id=identifier)
        return self._manifest(folder).person(folder)

    def size(self, identifier: str) -> int:
        """Bytes on disk, with those of an unfinished training."""
        return sum(size_of(folder) for folder in self._folders_of(identifier))

    def create(self, draft: PersonDraft) -> Person:
        """A new person from its parts. Raises BadName, AlreadyThere, Busy."""
        name = check_name(draft.name)
        with self._new_folder(slug(name), name) as folder:
            manifest = _fill(folder, slug(name), replace(draft, name=name))
            write_atomic(folder / MANIFEST, manifest.text())
        return self.open(manifest.id)

    def rename(self, identifier: str, name: str) -> Person:
        """Another shown name; the id stays. Raises BadName, NotFound, AlreadyThere, Busy."""
        shown = check_name(name)
        self.open(identifier)
        if any(p.name.casefold() == shown.casefold() and p.id != identifier for p in self.list()):
            raise _taken(shown)
        folder = self._folder(identifier)
        with self._locked():
            write_atomic(folder / MANIFEST, replace(self._manifest(folder), name=shown).text())
        return self.open(identifier)

    def remove(self, identifier: str) -> Deleted:
        """Delete every file of the person, also of unfinished trainings and of a damaged folder.

        What the system would not delete (a file in use) is named in `left`. Jobs and portraits are not the library's:
        see `easyphoto.deletion`. Raises BadName, NotFound, Busy.
        """
        folders = self.folders_of(identifier)
        if not folders:
            raise NotFound("library.no-person", stage="library", id=identifier)
        with self._locked(), self._saving():
            return delete_tree(folders)

    def folders_of(self, identifier: str) -> tuple[Path, ...]:
        """What there is of them: the person's folder, an unfinished training, what a crash has left. Raises BadName."""
        return tuple(folder for folder in self._folders_of(identifier) if folder.exists())

    @contextmanager
    def unchanged(self, persons: Iterable[Person]) -> Iterator[None]:
        """Inside it none of them can be removed: a portrait is saved there, or is not to be saved at all.

        Raises PersonGone for one that is gone, or is another one of the same name by now.
        """
        with self._saving():
            for person in persons:
                if not person.folder.is_dir() or self.open(person.id).created != person.created:
                    raise PersonGone("library.person-gone", stage="save", name=person.name)
            yield

    def export(self, identifier: str, zip_file: Path) -> Path:
        """All of the person as one zip file. Raises NotFound, AlreadyThere when the file exists."""
        person = self.open(identifier)
        if zip_file.exists():
            raise AlreadyThere("library.file-exists", stage="export", file=str(zip_file))
        archive.pack(person.folder, self._manifest(person.folder), zip_file)
        return zip_file

    def import_(self, source: Path, name: str = "") -> Person:
        """A person from an exported zip file, or from a person's folder of the original extension.

        `name` takes the place of an export's own name. Nothing in the file is trusted. Raises NotFound, BadModel,
        BadPicture, BadName, AlreadyThere, Busy.
        """
        if not source.exists():
            raise NotFound("library.no-file", stage="import", file=str(source))
        if source.is_dir():
            facts = legacy_import.read(source)
            with self._new_folder(facts.id, facts.name) as folder:
                write_atomic(folder / MANIFEST, legacy_import.copy(facts, folder).text())
            return self.open(facts.id)
        manifest = archive.manifest_of(source)
        if name:
            manifest = replace(manifest, id=slug(name), name=check_name(name))
        with self._new_folder(manifest.id, manifest.name) as folder:
            manifest = archive.unpack(source, manifest, folder)
            write_atomic(folder / MANIFEST, manifest.text())
        return self.open(manifest.id)

    # ------------------------------------------------------------ inside

    def _folder(self, identifier: str) -> Path:
        return self._paths.persons / check_id(identifier)

    def _folders_of(self, identifier: str) -> tuple[Path, ...]:
        """Everything of one person: their folder, an unfinished training, what a crash left behind."""
        left_behind = self._paths.persons.glob(f".new-{check_id(identifier)}")
        return self._folder(identifier), self._paths.jobs / f"train-{identifier}", *left_behind

    def _locked(self) -> AbstractContextManager[None]:
        """One lock for the whole library, so that no lock file keeps a removed person's name."""
        make_private(self._paths.root)
        make_private(self._paths.persons)
        return write_lock(self._paths.persons / ".lock", self._patience)

    def _saving(self) -> AbstractContextManager[None]:
        """Held for the moment in which a portrait is saved, and while a person is removed."""
        make_private(self._paths.persons)
        return write_lock(self._paths.persons / ".saving.lock", self._patience)

    def _manifest(self, folder: Path) -> Manifest:
        """Read and checked. Raises BadModel."""
        file = folder / MANIFEST
        try:
            if file.stat().st_size > LARGEST:
                raise broken("damaged.large-manifest")
            manifest = parse(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise shortage_of(error) or broken("damaged.unreadable-manifest") from error
        if manifest.id != folder.name:
            raise broken("damaged.other-person", folder=folder.name)
        needed = (manifest.reference, manifest.lora, *manifest.photos)
        if missing := [name for name in needed if name and not (folder / name).is_file()]:
            raise broken("damaged.missing-file", name=missing[0])
        return manifest

    @contextmanager
    def _new_folder(self, identifier: str, name: str) -> Iterator[Path]:
        """A hidden folder to fill; it becomes the person's when the block ends well, and is gone otherwise."""
        goal, fresh = self._folder(identifier), self._paths.persons / f".new-{identifier}"
        with self._locked():
            if goal.exists():
                raise _taken(name)
            shutil.rmtree(fresh, ignore_errors=True)  # a crash left it; we hold the lock
            make_private(fresh)
            try:
                yield fresh
                fresh.replace(goal)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)


def _taken(name: str) -> AlreadyThere:
    return AlreadyThere("library.name-taken", stage="library", name=name)


def _kind(file: Path) -> str:
    """The suffix under which a picture is kept; what it really is, is told by its content."""
    return ".png" if file.suffix.lower() == ".png" else ".jpg"


def _fill(folder: Path, identifier: str, draft: PersonDraft) -> Manifest:
    """Copy the draft's files into the folder and describe them."""
    made = draft.training_set
    photos = made.crops or made.pictures
    names = {f"photos/{number:04d}{_kind(file)}": file for number, file in enumerate(photos)}
    sources = {"reference.png": made.reference, **names}
    if draft.face_id:
        sources[f"face_id{_kind(draft.face_id)}"] = draft.face_id
    if draft.lora:
        sources[f"{identifier}.safetensors"] = draft.lora.file
    sources |= {f"checkpoints/{identifier}-{one.step}.safetensors": one.file for one in draft.checkpoints}
    for name, source in sources.items():
        make_private((folder / name).parent)
        shutil.copyfile(source, folder / name)
    if draft.report is not None:
        write_atomic(folder / "report.json", json.dumps(draft.report, ensure_ascii=False, indent=1))
    return _described(folder, identifier, draft, tuple(names))


def _described(folder: Path, identifier: str, draft: PersonDraft, photos: tuple[str, ...]) -> Manifest:
    """The manifest of a filled folder."""
    lora = draft.lora
    return Manifest(
        id=identifier,
        name=draft.name,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        base_model=draft.base_model,
        recognizer=draft.recognizer,
        reference="reference.png",
        photos=photos,
        face_id=f"face_id{_kind(draft.face_id)}" if draft.face_id else "",
        report="report.json" if draft.report is not None else "",
        lora=f"{identifier}.safetensors" if lora else "",
        family=lora.family if lora else None,
        rank=lora.rank if lora else 0,
        step=lora.step if lora else 0,
        distance=lora.distance if lora else None,
        warnings=tuple(dict.fromkeys((*draft.training_set.warnings, *draft.warnings))),
        files=hash_files(folder),
    )
