"""Whoever looks at another page is told by the browser that their job has ended, where they have allowed it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Running
from test_browser import start_training, upload

pytestmark = pytest.mark.slow

AWAY = """() => {
    window.told = [];
    window.Notification = class extends Notification {
        constructor(title, options) { super(title, options); told.push(title + ': ' + options.body); }
    };
    window.away = false;
    Object.defineProperty(document, 'hidden', {get: () => window.away});
}"""


def test_the_browser_tells_the_end_of_a_job(
    start_server: Callable[..., Running], open_page: Callable[..., Any], tmp_path: Path
):
    page = open_page(start_server("0.3", "20").url + "en/", permissions=["notifications"])
    assert page.evaluate("Notification.permission") == "granted"
    page.evaluate(AWAY)
    upload(page, tmp_path)
    start_training(page)
    page.wait_for_selector("#ep-status [data-ep-live]")
    assert not page.locator("#ep-status [data-ep-notify]").is_visible()  # there is nothing left to allow
    page.evaluate("() => { away = true; document.dispatchEvent(new Event('visibilitychange')); }")
    page.wait_for_function("told.length", timeout=60_000)
    assert page.evaluate("told") == ["EasyPhoto: Training · Ada · Finished"]
