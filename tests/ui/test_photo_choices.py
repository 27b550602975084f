"""What the page says of a photo that the user wants against the check, and of one that nobody can use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ui_world import broken, drafted, selfie

from easyphoto.ui.i18n import Translator
from easyphoto.ui.photos_view import photos_html, with_override, with_reports
from easyphoto.ui.pictures import PictureCache

SAY = Translator()


def report(verdict: str, **more: Any) -> dict[str, Any]:
    return {"verdict": verdict, "reasons": [], "box": [0, 0, 9, 9], **more}


def test_a_photo_used_against_the_check_is_amber_and_never_good(tmp_path: Path):
    draft = drafted(selfie(tmp_path / "a.png"))
    stranger = [report("drop", reasons=["someone else"])]
    forced = with_override(with_reports(draft, ["a.png"], stranger), 0, "keep")
    checked_again = with_reports(forced, ["a.png"], [report("keep", reasons=["someone else"])])
    for one in (forced, checked_again):
        html = photos_html(one, PictureCache(), SAY)
        assert '<span class="ep-badge ep-fair">Used anyway</span>' in html and "Good" not in html
        assert one[0].usable
    assert with_override(with_reports(draft, ["a.png"], [report("keep")]), 0, "keep")[0].verdict == "keep"


def test_what_cannot_be_used_offers_no_include(tmp_path: Path):
    assert "Include" in photos_html(drafted(selfie(tmp_path / "a.png")), PictureCache(), SAY)
    unreadable = photos_html(drafted(broken(tmp_path / "b.jpg")), PictureCache(), SAY)
    assert "Include" not in unreadable and "Exclude" not in unreadable and "Remove b.jpg" in unreadable
    faceless = with_reports(drafted(selfie(tmp_path / "c.png")), ["c.png"], [report("drop", box=None)])
    html = photos_html(faceless, PictureCache(), SAY)
    assert "Include" not in html and "Exclude" in html
