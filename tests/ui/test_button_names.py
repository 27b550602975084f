"""Whoever speaks to the page says what they see: a button's name holds its text (WCAG 2.5.3)."""

from __future__ import annotations

import pytest

from easyphoto.ui.rendering import macro


@pytest.mark.parametrize(
    ("text", "label", "name"),
    [
        ("Download", "PNG with its settings", ""),
        ("Delete", "Delete all portraits", "Delete all portraits"),
        ("×", "Remove me.jpg", "Remove me.jpg"),
        ("下载", "PNG，内含设置", ""),
    ],
)
def test_a_label_is_the_name_only_where_it_holds_the_text(text: str, label: str, name: str):
    html = macro("components", "button")(text, "box", {}, label=label)
    assert f'title="{label}"' in html
    assert (f'aria-label="{name}"' in html) if name else ("aria-label" not in html)
