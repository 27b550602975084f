"""What the documents name exists, and the version is said once."""

from __future__ import annotations

import re
from pathlib import Path

from easyphoto import __version__

ROOT = Path(__file__).resolve().parent.parent
PLACE = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|toml|md))`")
SYMBOL = re.compile(r"`([A-Za-z_]+)` (?:of|in) `([\w./]+\.py)`")


def test_every_file_that_a_walk_names_exists():
    named = PLACE.findall((ROOT / "docs" / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(named) > 25
    assert [place for place in named if not (ROOT / place).exists()] == []


def test_what_a_walk_looks_up_in_a_file_is_there():
    found = SYMBOL.findall((ROOT / "docs" / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(found) >= 6
    for symbol, file in found:
        assert re.search(rf"\b{symbol}\b", (ROOT / file).read_text(encoding="utf-8")), f"{file} has no {symbol}"


def test_the_changelog_ends_with_this_version():
    versions = re.findall(
        r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", (ROOT / "docs" / "CHANGELOG.md").read_text("utf-8"), re.M
    )
    assert versions[0] == __version__
