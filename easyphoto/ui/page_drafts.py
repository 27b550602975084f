"""The photos of a page, kept on the server for the browser they came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from easyphoto.errors import NotFound
from easyphoto.library.drafts import DraftStore
from easyphoto.library.uploads import UploadStore
from easyphoto.ui.photos_view import Draft, DraftPhoto
from easyphoto.ui.quick_view import QuickDraft
from easyphoto.ui.selection import Selection

BROWSER, KEPT = "browser", "draft"
"""Keys among the marks of what a page shows: the browser's token, and what is kept of its draft."""


def browser_of(shown: Mapping[str, str] | None) -> str:
    """The token of the browser that looks at the page; "" until it has told it."""
    return (shown or {}).get(BROWSER, "")


class PageDrafts:
    """Reads and writes drafts; photos are named by the ids of their uploads, never by a path."""

    def __init__(self, store: DraftStore, uploads: UploadStore) -> None:
        self._store, self._uploads = store, uploads

    def keep(self, shown: Mapping[str, str] | None, panel: str, facts: Mapping[str, Any]) -> dict[str, str]:
        """Write what has changed; the marks that go on with the page."""
        browser, mark = browser_of(shown), repr(sorted(facts.items()))
        if browser and (shown or {}).get(KEPT) != mark:
            self._store.write(browser, panel, {**self._store.read(browser, panel), **facts})
        return {BROWSER: browser, KEPT: mark}

    def read(self, browser: str, panel: str) -> dict[str, Any]:
        """What was kept for that browser."""
        return self._store.read(browser, panel)

    def photos_of(self, facts: Mapping[str, Any]) -> Draft:
        """The photos that are still there."""
        return tuple(photo for one in facts.get("photos", ()) if (photo := self._photo(one)) is not None)

    def _photo(self, facts: Mapping[str, Any]) -> DraftPhoto | None:
        try:
            upload = self._uploads.open(str(facts["upload"]))
        except NotFound:
            return None
        return DraftPhoto(upload.file, upload.name, str(facts.get("override", "")), facts.get("report"))

    def quick_draft(self, browser: str, panel: str) -> QuickDraft:
        """The first page's."""
        facts = self.read(browser, panel)
        photos = self.photos_of(facts)
        chosen = tuple(str(one) for one in facts.get("templates", ()))
        selection = Selection(chosen=chosen, shown=chosen[-1] if chosen else "")
        return QuickDraft(photos, selection, sample=bool(photos) and facts.get("sample") is True)


def photo_facts(draft: Draft) -> list[dict[str, Any]]:
    """Photos as they are kept."""
    return [
        {"upload": one.file.parent.name, "override": one.override, "report": dict(one.report) if one.report else None}
        for one in draft
    ]


def quick_facts(draft: QuickDraft) -> dict[str, Any]:
    """The first page's draft as it is kept."""
    return {
        "photos": photo_facts(draft.photos),
        "sample": draft.sample,
        "templates": list(draft.selection.chosen),
    }
