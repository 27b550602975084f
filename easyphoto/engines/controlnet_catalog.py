"""Which ControlNet files serve a hint, best first: each family's own, known by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from easyphoto.domain import ControlHint, HintKind, ModelFamily
from easyphoto.errors import MissingModel
from easyphoto.families.base import ControlFiles
from easyphoto.locales import Message, message

_WORDS = {
    HintKind.CANNY: re.compile("canny"),
    HintKind.POSE: re.compile("^(?!.*(animal|dense_?pose)).*pose"),
    HintKind.COLOR: re.compile("(^|_)colou?rs?(_|$)"),  # recolor paints black-and-white pictures
    HintKind.TILE: re.compile("tile"),
}
_HASH = re.compile(r"\s*\[[0-9a-fA-F]+\]$")


def known(kind: HintKind, family: ModelFamily) -> ControlFiles:
    """The files known for the hint; empty where there are none."""
    return family.spec.controls.get(kind, ControlFiles())


def plain(name: str) -> str:
    """A model's name as the table writes it: lower case, underscores between the words, no hash behind."""
    return re.sub(r"[\W_]+", "_", _HASH.sub("", name).lower()).strip("_")


def rank(name: str, kind: HintKind, family: ModelFamily) -> int | None:
    """The place of that name among the known ones, 0 the best; None for names that are not known."""
    stem = plain(name)
    places = (place for place, begin in enumerate(known(kind, family).names) if stem.startswith(begin))
    return next(places, None)


def is_coarse(name: str, kind: HintKind, family: ModelFamily) -> bool:
    """Whether that model reads color blocks of 64 px."""
    return any(plain(name).startswith(begin) for begin in known(kind, family).coarse)


def speaks_of(name: str, kind: HintKind) -> bool:
    """Whether the name holds the kind's word; enough where the file itself tells its family."""
    return _WORDS[kind].search(plain(name)) is not None


def place(name: str, kind: HintKind, family: ModelFamily) -> int | None:
    """As `rank`, and behind all known ones for a name that only holds the kind's word; None where it does neither."""
    known_place = rank(name, kind, family)
    if known_place is None and speaks_of(name, kind):
        return len(known(kind, family).names)
    return known_place


def missing(kind: HintKind, family: ModelFamily, folder: str) -> MissingModel:
    """The error for a hint that is required and has no ControlNet: which file, where it belongs, where it is found."""
    files = known(kind, family)
    if not files.file:
        return MissingModel("controlnet.none-known", stage="ControlNet", kind=kind.value, family=family.value)
    return MissingModel(
        "controlnet.missing",
        stage="ControlNet",
        file=files.file,
        kind=kind.value,
        family=family.value,
        model=files.file,
        source=files.source,
        license=files.license,
        weights=files.weights,
        folder=folder,
    )


def dropped(kind: HintKind, family: ModelFamily) -> Message:
    """The note for a hint that is left out because there is no ControlNet for it."""
    return message("controlnet.note.left-out", kind=kind.value, family=family.value)


def left_out(hints: Sequence[ControlHint], family: ModelFamily, folder: Path) -> tuple[Message, ...]:
    """A note for every hint that cannot be honored. Raises MissingModel for one that is required."""
    for hint in hints:
        if hint.required:
            raise missing(hint.kind, family, str(folder))
    return tuple(dropped(hint.kind, family) for hint in hints)
