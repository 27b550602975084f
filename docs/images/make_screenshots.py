"""Pictures of the page for the documentation, made from the running program on its own samples.

    python docs/images/make_screenshots.py [--out DIR] [--all]

Needs the `ui` and `dev` extras, playwright and a Chromium (EASYPHOTO_CHROMIUM names another one).
The Chinese picture needs a Chinese font. Only pictures made from the public-domain astronaut portrait are shown.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

MINUTES = 60_000
TABS = {
    "quick": "#ep-quick-templates .ep-tile",
    "train": "#ep-train-start",
    "portrait": "#ep-portrait-templates .ep-tile",
    "people": "#ep-people-list",
    "doctor": ".ep-findings",
}
GO_TO = """tab => {
    const button = document.createElement('button');
    button.dataset.epBox = 'ep-go-box';
    button.dataset.epMessage = JSON.stringify({tab});
    document.querySelector('#easyphoto').append(button);
    button.click();
    button.remove();
}"""
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@dataclass(frozen=True)
class View:
    """How a page is looked at."""

    language: str = "en"
    scheme: str = "light"
    size: str = "desktop"

    @property
    def options(self) -> dict[str, Any]:
        """For a browser context."""
        viewport = DESKTOP if self.size == "desktop" else PHONE
        locale = {"en": "en-US", "zh": "zh-CN"}[self.language]
        return {"viewport": viewport, "color_scheme": self.scheme, "locale": locale}

    @property
    def suffix(self) -> str:
        """Of the file names."""
        return "-".join(p for p in (self.size, self.scheme, self.language) if p not in ("desktop", "light", "en"))


VIEWS = (View(), View(scheme="dark"), View(size="phone"), View("zh"), View("zh", "dark", "phone"))
SHOWN = {"window": View(), "window-zh": View("zh", "dark")}
"""The pictures that the documentation shows."""


@contextmanager
def server(data: Path) -> Iterator[str]:
    """The program's own window command; gives its address."""
    command = [sys.executable, "-m", "easyphoto", "ui", "--port", "0", "--no-browser", "--data", str(data)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stderr or ():
                if "http://" in line:
                    yield "http://" + line.split("http://")[1].split()[0]
                    break
        finally:
            process.terminate()


def sample_portraits(page: Any) -> None:
    """A newcomer's way: the sample photo, the templates that come with it, the button."""
    page.wait_for_selector("#ep-quick-templates .ep-tile")  # the page answers
    page.click("#ep-quick-photos .ep-offer button[data-ep-message*=sample]")
    page.wait_for_selector(".ep-thumb")
    page.wait_for_function("document.querySelector('#ep-quick-consent input').checked")
    page.wait_for_timeout(1500)
    if not page.locator("#ep-quick-shots .ep-shot-card").count():
        page.click("#ep-quick-go")
    page.wait_for_selector("#ep-quick-shots .ep-shot-card >> nth=3", timeout=10 * MINUTES)
    page.wait_for_selector("#ep-quick-jobs [data-ep-live]", state="detached", timeout=MINUTES)


def shown(open_page: Any, url: str, out: Path) -> None:
    """What the documentation shows: the window as it is seen, not the whole page."""
    for name, view in SHOWN.items():
        page = open_page(view)
        page.goto(f"{url}{view.language}/")
        page.wait_for_selector("#ep-quick-go")
        sample_portraits(page)
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_timeout(1500)
        page.screenshot(path=out / f"{name}.jpg", type="jpeg", quality=85)
        page.context.close()


def look(open_page: Any, url: str, out: Path) -> None:
    """Every tab in every view, as whole pages."""
    for view in VIEWS:
        page = open_page(view)
        page.goto(f"{url}{view.language}/")
        page.wait_for_selector("#ep-quick-go")
        for name, something in TABS.items():
            arrive(page, name, something)
            page.wait_for_timeout(1500)
            file = "-".join(p for p in (f"tab-{name}", view.suffix) if p)
            page.screenshot(path=out / f"{file}.png", full_page=True)
        page.context.close()


def arrive(page: Any, name: str, something: str) -> None:
    """Open the tab, by our script where a phone keeps it in a menu, and wait until there is something to see."""
    page.evaluate(GO_TO, name)
    page.wait_for_selector(something)


def main() -> None:
    """Start, make portraits, look."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--all", action="store_true", help="every tab in every view besides, for looking at")
    parser.add_argument("--data", type=Path, help="a data folder to go on with")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    program = os.environ.get("EASYPHOTO_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        with server(given.data or Path(folder) / "data") as url:

            def open_page(view: View) -> Any:
                return browser.new_context(**view.options).new_page()

            shown(open_page, url, given.out)
            if given.all:
                look(open_page, url, given.out)
        browser.close()


if __name__ == "__main__":
    main()
