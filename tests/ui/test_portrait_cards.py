"""Cards of finished portraits: words, notes and what can be done with one."""

from __future__ import annotations

from pathlib import Path

import pytest
from ui_world import selfie

from easyphoto.ui.components import LEVEL_KINDS
from easyphoto.ui.i18n import Translator
from easyphoto.ui.pictures import PictureCache
from easyphoto.ui.portrait_cards import PortraitResult, badges_of, shots_html
from easyphoto.ui.portrait_view import MANY, TemplateChoice, TemplateTile, templates_html
from easyphoto.ui.selection import Selection

SAY = Translator()
NASTY = '<img src=x onerror="alert(1)">.jpg'


def test_a_portrait_tells_its_notes(tmp_path: Path):
    facts = {"template": "a.jpg", "seed": 1, "notes": ["No canny ControlNet: that control image was left out.", NASTY]}
    html = shots_html([PortraitResult("j", "0.png", facts, selfie(tmp_path / "a.png"), None, {})], PictureCache(), SAY)
    assert "that control image was left out" in html
    assert "<img src=x" not in html


@pytest.mark.parametrize(
    ("before", "after", "quality", "kinds"),
    [
        (0.8, 0.3, 0.7, ("good", "good")),
        (0.8, 0.3, 0.5, ("quiet", "fair")),
        (0.8, 0.3, 0.2, ("quiet", "bad")),
        (0.8, 0.3, None, ("quiet", "quiet")),
        (0.3, 0.3, 0.7, ("quiet", "quiet")),
        (0.3, 0.29, 0.7, ("quiet", "quiet")),
    ],
)
def test_badges_are_green_where_likeness_and_quality_are_good(
    before: float, after: float, quality: float | None, kinds: tuple[str, str]
):
    level = next(level for level, good in LEVEL_KINDS.items() if good == "good")
    measured = {} if quality is None else {"quality": {"value": quality, "parts": {}}}
    badges = badges_of({"level": level, "before": before, "after": after, **measured})
    assert (badges.likeness, badges.quality) == kinds


def test_templates_are_searched_by_title_and_tag_once_there_are_many():
    street = TemplateTile("a", "street", Path("a"), False, {"zh": "城市街头"}, ("woman", "smile", "light-skin"))
    own = TemplateTile("b", "Me & you", Path("b"), True)
    few = templates_html([street], TemplateChoice(Selection()), PictureCache(), SAY)
    many = templates_html([own] * MANY + [street], TemplateChoice(Selection()), PictureCache(), SAY)
    assert "data-ep-find" not in few
    assert 'data-ep-words="street woman smile"' in many and 'data-ep-words="me &amp; you"' in many
    assert 'data-ep-tag="woman"' in many and 'data-ep-tag="man"' not in many and "light-skin" not in many
    assert street.words(Translator("zh")) == "城市街头 女士 微笑"
