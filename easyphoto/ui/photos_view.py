"""The photos of a training as the user sees them: thumbnail, verdict, reasons, and the user's own word."""

from __future__ import annotations

import filecmp
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from easyphoto.domain import Photo
from easyphoto.jobs import JobFile
from easyphoto.ui.components import badge, button, empty, esc, notice, picture
from easyphoto.ui.i18n import Translator
from easyphoto.ui.pictures import PictureCache
from easyphoto.ui.uploads import StoredUpload

BOX = "ep-photo-box"
FEW = 5  # usable photos; fewer and the likeness suffers
KINDS = {"keep": "good", "warn": "fair", "drop": "bad"}


@dataclass(frozen=True)
class DraftPhoto:
    """A photo that was uploaded but not trained yet."""

    file: Path
    name: str
    override: str = ""  # "keep" or "drop": the user's own verdict
    report: Mapping[str, Any] | None = None  # PhotoReport as JSON, once it was checked

    @property
    def verdict(self) -> str:
        """keep, warn, drop, or "" while nobody knows."""
        if self.override == "drop":
            return "drop"
        if self.report is None:
            return ""
        if self.override == "keep" and self.report.get("box"):
            return "keep"
        return str(self.report["verdict"])


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


def as_photos(draft: Draft) -> list[Photo]:
    """For the studio."""
    return [Photo(photo.file, photo.name, photo.override) for photo in draft]


def photos_html(draft: Draft, pictures: PictureCache, say: Translator, checking: tuple[int, int] | None = None) -> str:
    """The summary and a card for every photo."""
    if not draft:
        return empty(say("photos.empty"), say("photos.empty.next"), "photo")
    cards = "".join(_card(number, photo, pictures, say) for number, photo in enumerate(draft))
    return f'{_summary(draft, say, checking)}<ul class="ep-photos">{cards}</ul>'


def _summary(draft: Draft, say: Translator, checking: tuple[int, int] | None) -> str:
    total = say.count("photos.count", len(draft))
    if checking:
        done, n = checking
        text = say("photos.checking", done=min(done + 1, n), n=n)
        return f'<p class="ep-sum ep-busy" role="status"><b>{esc(text)}</b></p>'
    if any(not photo.verdict for photo in draft):
        return f'<p class="ep-sum" role="status"><b>{esc(total)}</b><span>{esc(say("photos.unchecked"))}</span></p>'
    usable = sum(photo.verdict in ("keep", "warn") for photo in draft)
    parts = "".join(
        f'<i class="ep-{KINDS[kind]}" style="flex:{count}"></i>'
        for kind in KINDS
        if (count := sum(photo.verdict == kind for photo in draft))
    )
    line = say("photos.usable", usable=usable, n=len(draft))
    advice = ""
    if usable == 0:
        advice = notice(say("photos.none"), "", "bad")
    elif usable < FEW:
        advice = notice(say("photos.few"), "", "fair")
    return (
        f'<p class="ep-sum" role="status"><b>{esc(line)}</b>'
        f'<span class="ep-meter" aria-hidden="true">{parts}</span></p>{advice}'
    )


def _card(number: int, photo: DraftPhoto, pictures: PictureCache, say: Translator) -> str:
    uri = pictures.uri(photo.file)
    verdict = photo.verdict or "new"
    word = say("photo.broken") if not uri else say(f"photo.{verdict}")
    kind = "bad" if not uri else KINDS.get(verdict, "quiet")
    remove = button("×", BOX, {"photo": number, "word": "remove"}, "ep-x", say("photo.remove", name=photo.name))
    return (
        f'<li class="ep-photo ep-is-{kind}"><div class="ep-shot">{picture(uri, photo.name)}'
        f"{badge(word, kind)}{remove}</div>"
        f'<div class="ep-photo-text"><p class="ep-name" title="{esc(photo.name)}">{esc(photo.name)}</p>'
        f"{_facts(photo, say)}{_reasons(photo, say)}</div>{_choice(number, photo, say)}</li>"
    )


def _facts(photo: DraftPhoto, say: Translator) -> str:
    report = photo.report or {}
    facts = [say("photo.overridden")] if photo.override else []
    if report.get("face_px"):
        facts.append(say("photo.face", px=report["face_px"]))
    if report.get("likeness") is not None:
        facts.append(say("photo.likeness", gap=f"{report['likeness']:.2f}"))
    return f'<p class="ep-facts">{esc(" · ".join(facts))}</p>' if facts else ""


def _reasons(photo: DraftPhoto, say: Translator) -> str:
    reasons = (photo.report or {}).get("reasons", ())
    return "".join(f'<p class="ep-reason">{esc(say.message(reason))}</p>' for reason in reasons)


def _choice(number: int, photo: DraftPhoto, say: Translator) -> str:
    words = (("auto", "photo.auto", ""), ("keep", "photo.use", "keep"), ("drop", "photo.leave", "drop"))
    buttons = "".join(
        button(say(key), BOX, {"photo": number, "word": word}, "ep-seg", pressed=photo.override == held)
        for word, key, held in words
    )
    label = esc(say("photo.verdict.of", name=photo.name))
    return f'<div class="ep-segs" role="group" aria-label="{label}">{buttons}</div>'
