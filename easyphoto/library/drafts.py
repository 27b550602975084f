"""What a page held when it was last looked at: photos that were brought, verdicts, a name; kept for a day."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from easyphoto.errors import BadName
from easyphoto.library.names import slug
from easyphoto.paths import Paths
from easyphoto.private_files import make_private, write_atomic

BROWSER = r"^[0-9a-f]{32}$"
"""A browser's own token; only who has it sees the draft."""
LARGEST = 1_000_000  # bytes


class DraftStore:
    """One file for each browser and panel; its name says nothing of the token."""

    def __init__(self, paths: Paths) -> None:
        self._folder = paths.drafts

    def read(self, browser: str, panel: str) -> dict[str, Any]:
        """What was kept; {} where there is nothing, or nothing that can be read."""
        file = self._file(browser, panel)
        with suppress(OSError, ValueError):
            if file is not None:
                facts = json.loads(file.read_text(encoding="utf-8"))
                return facts if isinstance(facts, dict) else {}
        return {}

    def write(self, browser: str, panel: str, facts: Mapping[str, Any]) -> None:
        """Keep it; nothing is kept of a browser without a token. Raises EasyPhotoError for what the system refuses."""
        file = self._file(browser, panel)
        if file is None or len(content := json.dumps(facts)) > LARGEST:
            return
        make_private(self._folder)
        write_atomic(file, content)

    def _file(self, browser: str, panel: str) -> Path | None:
        if not re.match(BROWSER, browser) or len(browser) != 32:
            return None
        return self._folder / f"{hashlib.sha256(f'{panel} {browser}'.encode()).hexdigest()[:32]}.json"


def drafts_of(paths: Paths, person: str, uploads: Collection[str]) -> Iterator[Path]:
    """Files of drafts that hold one of those uploads or the name of the person of that id."""
    for file in sorted(paths.drafts.glob("*.json")):
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
            held = {photo.get("upload") for photo in facts.get("photos", ())}
            if held & set(uploads) or _slug(str(facts.get("name", ""))) == person:
                yield file
        except (OSError, ValueError, AttributeError):  # nobody can tell whose it is
            yield file


def _slug(name: str) -> str:
    try:
        return slug(name)
    except BadName:
        return ""
