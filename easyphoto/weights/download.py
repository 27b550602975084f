"""A file from the first source that has it: resumed, with pauses, checked as a whole, named only then.

Whatever ends it (a cut, a kill, a full disk, a wrong file), its final name never holds anything but the file.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from easyphoto.errors import MissingModel
from easyphoto.locales import Message, message
from easyphoto.weights.catalog import WeightFile
from easyphoto.weights.content import has_format, sha256_of
from easyphoto.weights.faults import SourceFault
from easyphoto.weights.part_file import PartFile, PartNote
from easyphoto.weights.patience import Patience
from easyphoto.weights.room import check_room
from easyphoto.weights.sources import WeightSource
from easyphoto.weights.transfer import Answer, ask

Beat = Callable[[int], None]
"""Called often, with the bytes of the file that are there; what it raises ends the download, which can be resumed."""


@dataclass(frozen=True)
class Downloaded:
    """A file that has come whole."""

    sha256: str
    bytes: int
    host: str


@dataclass(frozen=True)
class Download:
    """One file on its way to its place; `sha256` is the list's or that of its first download, "" for neither."""

    wanted: WeightFile
    place: Path
    sha256: str
    patience: Patience
    beat: Beat

    def run(self) -> Downloaded:
        """Raises MissingModel with what each source did; OSError where the system refuses."""
        self.place.parent.mkdir(parents=True, exist_ok=True)
        reasons: list[Message] = []
        for source in self.wanted.sources:
            try:
                return self._from(source)
            except SourceFault as fault:
                reasons.append(fault.reason)
        raise MissingModel(
            "weights.not-fetched",
            stage="fetch",
            file=self.wanted.name,
            name=self.wanted.id,
            reasons=reasons,
            address=self.wanted.sources[-1].address,
        )

    def _from(self, source: WeightSource) -> Downloaded:
        """As often as the source brings something. Raises the SourceFault that it is given up for."""
        part, barren = PartFile(self.place), 0
        while True:
            had = part.size
            try:
                return self._attempt(source, part)
            except SourceFault as fault:
                barren = 0 if part.size - had >= self.patience.worth else barren + 1
                if fault.discard:
                    part.discard()
                if not fault.again or barren >= self.patience.attempts:
                    raise
                self._pause(max(fault.wait, self.patience.pause * 2 ** max(0, barren - 1)), part.size)

    def _attempt(self, source: WeightSource, part: PartFile) -> Downloaded:
        resumed = part.size > 0
        if not self._is_complete(part):
            self._receive(source.address, part)
        size = part.size
        digest = sha256_of(part.file, lambda _: self.beat(size))
        self._check(part, digest, source.host, resumed)
        part.become(self.place)
        return Downloaded(digest, size, source.host)

    def _is_complete(self, part: PartFile) -> bool:
        total = self.wanted.bytes or part.note.total
        return total is not None and part.size == total

    def _receive(self, address: str, part: PartFile) -> None:
        """Ask for what is missing, and append it."""
        note = part.note
        same = note.address == address
        begun = part.size if self.sha256 or (same and note.validator) else 0
        answer = ask(address, begun, note.validator if same else "", self.patience.timeout)
        try:
            self._check_answer(answer)
            check_room(self.place, (answer.total or self.wanted.bytes or 0) - answer.start)
            part.begin(PartNote(address, answer.validator, answer.total), answer.start)
            self._append(answer, part)
        finally:
            answer.close()

    def _append(self, answer: Answer, part: PartFile) -> None:
        most, size = self.wanted.bytes or answer.total, answer.start
        with part.appending() as out:
            for chunk in answer.chunks(self.patience):
                size += len(chunk)
                if most is not None and size > most:
                    raise self._fault("weights.fault.length", answer.host, found=size)
                out.write(chunk)
                self.beat(size)
        if most is not None and size < most:
            raise SourceFault(message("weights.fault.cut", host=answer.host), again=True)

    def _check_answer(self, answer: Answer) -> None:
        """Raises SourceFault for a file of another length, or one whose end could not be told."""
        if None not in (answer.total, self.wanted.bytes) and answer.total != self.wanted.bytes:
            raise self._fault("weights.fault.length", answer.host, found=answer.total)
        if not answer.delimited and not (self.sha256 or self.wanted.bytes):
            raise SourceFault(message("weights.fault.no-length", host=answer.host))

    def _check(self, part: PartFile, digest: str, host: str, resumed: bool) -> None:
        """Raises SourceFault; where older bytes were continued, the same source is tried once more from the start."""
        if self.sha256 and digest != self.sha256:
            code = "weights.fault.hash" if self.wanted.sha256 else "weights.fault.other-than-first"
            raise SourceFault(Message(code, {"host": host, "found": digest}), again=resumed, discard=True)
        if not has_format(part.file, self.wanted.name):
            reason = message("weights.fault.format", host=host, suffix=Path(self.wanted.name).suffix)
            raise SourceFault(reason, discard=True)

    def _fault(self, code: str, host: str, *, found: int | None) -> SourceFault:
        return SourceFault(Message(code, {"host": host, "found": found, "wanted": self.wanted.bytes}), discard=True)

    def _pause(self, seconds: float, size: int) -> None:
        """In small pieces, so that cancelling is heard."""
        until = time.monotonic() + min(seconds, self.patience.longest_pause)
        while (left := until - time.monotonic()) > 0:
            self.beat(size)
            time.sleep(min(0.1, left))
