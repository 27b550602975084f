"""Templates are added, listed and removed; the shipped ones stay."""

from __future__ import annotations

from pathlib import Path

import pytest
from library_world import picture

from easyphoto.errors import BadPicture, NotAllowed, NotFound
from easyphoto.library import Templates
from easyphoto.paths import Paths


def test_templates_are_added_listed_and_removed(tmp_path: Path):
    paths = Paths(tmp_path / "home", tmp_path / "models")
    picture(paths.shipped_templates / "shipped.jpg")
    shelf = Templates(paths)
    first = shelf.add(picture(tmp_path / "My Wedding.jpg"))
    second = shelf.add(tmp_path / "My Wedding.jpg")
    assert [t.name for t in shelf.list()] == ["shipped", "my-wedding", "my-wedding-2"]
    assert first.file != second.file
    shelf.remove(first.id)
    assert [t.name for t in shelf.list()] == ["shipped", "my-wedding-2"]
    for template, kind in [(shelf.list()[0].id, NotAllowed), ("../../x", NotFound), (first.id, NotFound)]:
        with pytest.raises(kind):
            shelf.remove(template)
    (tmp_path / "bad.jpg").write_bytes(b"no")
    with pytest.raises(BadPicture):
        shelf.add(tmp_path / "bad.jpg")
