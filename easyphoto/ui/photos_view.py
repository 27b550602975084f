"""The photos of a training as the user sees them: thumbnail, verdict, reasons, and the user's own word."""

from __future__ import annotations

import filecmp
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from easyphoto.jobs import JobFile
from easyphoto.library.uploads import StoredUpload
from easyphoto.ui.i18n import Translator
from easyphoto.ui.pictures import PictureCache
from easyphoto.ui.rendering import render

BOX = "ep-photo-box"
UNFOLDED = 8  # photos up to which all are shown at once
FEW = 5  # usable photos; fewer and the likeness suffers
FORCED = "forced"  # used because the user says so, against the check
KINDS = {"keep": "good", "warn": "fair", FORCED: "fair", "drop": "bad"}

CHOICES = (("auto", "photo.auto"), ("keep", "photo.use"), ("drop", "photo.leave"))
"""What the user may say of a photo, and its text."""


@dataclass(frozen=True)
class DraftPhoto:
    """A photo that was uploaded but not trained yet."""

    file: Path
    name: str
    override: str = ""  # "keep" or "drop": the user's own verdict
    report: Mapping[str, Any] | None = None  # PhotoReport as JSON, once it was checked

    @property
    def verdict(self) -> str:
        """keep, warn, drop, forced (used against the check), or "" while nobody knows."""
        if self.override == "drop":
            return "drop"
        if self.report is None:
            return ""
        if self.override == "keep" and self.report.get("box"):
            doubted = self.report["verdict"] != "keep" or self.report.get(
                "reasons"
            )  # a check after the choice keeps the reasons
            return FORCED if doubted else "keep"
        return str(self.report["verdict"])

    @property
    def usable(self) -> bool:
        """Whether the check or the user lets it be used."""
        return self.verdict in ("keep", "warn", FORCED)

    @property
    def choices(self) -> tuple[tuple[str, str], ...]:
        """(what the user may say, its text): a photo without a face cannot be included."""
        found = self.report is None or self.report.get("box")
        return tuple(choice for choice in CHOICES if found or choice[0] != "keep")


Draft = tuple[DraftPhoto, ...]


def added(draft: Draft, brought: Sequence[StoredUpload]) -> Draft:
    """With more photos at the end; one that is there already under its name is not added twice."""
    for one in brought:
        if not any(photo.name == one.name and _same(photo.file, one.file) for photo in draft):
            draft = (*draft, DraftPhoto(one.file, one.name))
    return draft


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and filecmp.cmp(one, other, shallow=False)


def present(draft: Draft) -> Draft:
    """Without those whose file was swept away; a page may stay open for days."""
    return tuple(photo for photo in draft if photo.file.is_file())


def with_reports(draft: Draft, names: Sequence[str], reports: Sequence[Mapping[str, Any]]) -> Draft:
    """With the verdicts of a check of the photos of those `names`; photos that came later stay unjudged."""
    left = list(zip(names, reports, strict=False))
    out = []
    for photo in draft:
        place = next((n for n, (name, _) in enumerate(left) if name == photo.name), None)
        out.append(photo if place is None else replace(photo, report=left.pop(place)[1]))
    return tuple(out)


def with_override(draft: Draft, number: int, word: str) -> Draft:
    """After the user's word on photo `number`: keep, drop, auto or remove."""
    if not 0 <= number < len(draft):
        return draft
    if word == "remove":
        return (*draft[:number], *draft[number + 1 :])
    override = word if word in ("keep", "drop") else ""
    return (*draft[:number], replace(draft[number], override=override), *draft[number + 1 :])


def as_files(draft: Draft) -> list[JobFile]:
    """For the queue."""
    return [JobFile(photo.file, photo.name, photo.override) for photo in draft]


def photos_html(
    draft: Draft, pictures: PictureCache, say: Translator, checking: tuple[int, int] | None = None
) -> Markup:
    """The summary and a card for every photo; `checking` is how many of how many were looked at."""
    verdicts = [photo.verdict for photo in draft]
    return render(
        "photos",
        draft=draft,
        pictures=pictures,
        say=say,
        checking=checking,
        verdicts=verdicts,
        usable=sum(photo.usable for photo in draft),
        kinds=KINDS,
        few=FEW,
        unfolded=UNFOLDED,
        box=BOX,
    )
