"""Pictures go from a host's gallery to our templates and from a portrait to the host, on a page with a host's ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = (ROOT / "javascript" / "easyphoto_webui.js").read_text(encoding="utf-8")
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
WORDS = json.dumps(
    {"template": "As template", "send": "Send", "img2img": "img2img", "inpaint": "inpaint", "extras": "X"}
)
HOST = f"""
<div id="tabs"><div class="tab-nav"><button onclick="opened.push('tab')">EasyPhoto</button></div></div>
<div id="tab_img2img"></div>
<div id="txt2img_gallery"><img src="{PIXEL}"></div>
<div id="image_buttons_txt2img"><div class="form"></div></div>
<div id="img2img_image"><button aria-label="Clear" onclick="this.outerHTML = '<input type=file>'"></button></div>
<div id="ep-tab-portrait-button" onclick="opened.push('portrait')"></div>
<div id="ep-portrait-upload"><input type="file" multiple></div>
"""
OURS = f"""<dialog id="ep-lightbox" data-ep-send='{WORDS}'><div class="ep-lightbox-bar"><button>Close</button></div>
<figure class="ep-lightbox-now"><img src="{PIXEL}"></figure></dialog>"""


@pytest.fixture
def page(browser: Any) -> Any:
    page = browser.new_page()
    page.goto("about:blank")
    yield page
    page.close()


def loaded(page: Any, body: str) -> Any:
    page.set_content(f"<body>{body}</body>")
    page.evaluate("() => { window.opened = []; window.switch_to_img2img = () => opened.push('img2img');"
                  "window.onAfterUiUpdate = (work) => { work(); work(); } }")  # fmt: skip
    page.evaluate(SCRIPT)
    return page


def test_a_picture_of_a_gallery_becomes_a_template(page: Any):
    loaded(page, HOST + OURS)
    page.click("#image_buttons_txt2img button[title='As template']")
    page.wait_for_function("document.querySelector('#ep-portrait-upload input').files.length")
    assert page.evaluate("document.querySelector('#ep-portrait-upload input').files[0].name") == "generated.gif"
    assert page.evaluate("opened") == ["tab", "portrait"]


def test_a_portrait_goes_to_img2img_also_where_a_picture_is_already(page: Any):
    loaded(page, HOST + OURS)
    page.evaluate("document.querySelector('#ep-lightbox').showModal()")
    page.click("text=→ img2img")
    page.wait_for_selector("#img2img_image input", state="attached")
    page.wait_for_function("document.querySelector('#img2img_image input').files.length")
    assert page.evaluate("[opened, document.querySelector('#ep-lightbox').open]") == [["img2img"], False]
    assert page.locator(".ep-send").count() == 4, "once each, however often the host's page is made anew"


def test_a_page_of_our_own_has_nowhere_to_send_to(page: Any):
    assert loaded(page, OURS).locator(".ep-send").count() == 0
