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


def test_every_picture_is_shown_and_every_picture_shown_is_there():
    texts = [*ROOT.glob("README*.md"), *(ROOT / "docs").glob("*.md")]
    shown = {
        (text.parent / place).resolve()
        for text in texts
        for place in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text.read_text(encoding="utf-8"))
    }
    there = {file.resolve() for file in (ROOT / "docs" / "images").iterdir() if file.suffix in (".jpg", ".png")}
    assert shown == there


def test_the_readmes_link_to_each_other():
    assert "(README.zh-CN.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "(README.md)" in (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
