"""Pictures of the page for the documentation, made from the running program on its own samples.

    python docs/images/make_screenshots.py [--out DIR] [--steps N] [--all]

Needs the `ui` and `dev` extras, playwright and a Chromium (EASYPHOTO_CHROMIUM names another one).
Only pictures made from the public-domain astronaut portrait are shown.
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
NAME = "Eileen"
TABS = {
    "quick": "#ep-quick-templates .ep-tile",
    "train": ".ep-job",
    "portrait": "#ep-portrait-templates .ep-tile",
    "people": ".ep-person",
    "doctor": ".ep-findings",
}
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
SHOWN = {"tab-portrait-dark", "tab-train-phone", "tab-people", "tab-portrait-phone-dark-zh", "tab-doctor-zh"}
"""What the documentation shows of the tabs; the others are for looking at (--all)."""


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


def make_samples(folder: Path) -> list[str]:
    """The demo's eight selfies."""
    from easyphoto.demo.samples import make_samples as make
    from easyphoto.studio import Studio

    studio = Studio.local(folder)
    samples = make(studio.paths, folder, studio.faces)
    return [str(file) for given in samples.photos for file in (sorted(given.iterdir()) if given.is_dir() else [given])]


def snap(page: Any, name: str, out: Path, view: View) -> None:
    """One picture of the whole page."""
    page.wait_for_timeout(1500)
    file = out / ("-".join(p for p in (name, view.suffix) if p) + ".jpg")
    page.screenshot(path=file, full_page=True, type="jpeg", quality=85)


def walk(page: Any, photos: list[str], out: Path, steps: int) -> None:
    """A newcomer's path, with a picture at every stop."""
    view = View()
    arrive(page, "train", "#ep-train-start")
    page.set_input_files("#ep-train-upload input[type=file]", photos)
    page.wait_for_selector(f".ep-photo >> nth={len(photos) - 1}")
    page.click("#ep-train-check")
    page.wait_for_selector(".ep-meter", timeout=5 * MINUTES)
    snap(page, "photos", out, view)
    page.locator("#ep-train-person").locator("textarea, input").fill(NAME)
    page.locator("#ep-train-consent input").check()
    page.click("#ep-train-advanced button")
    page.locator("#ep-train-max-steps input").first.fill(str(steps))
    page.locator("#ep-train-save-steps input").first.fill(str(max(1, steps // 4)))
    page.locator("#ep-train-save-steps input").first.blur()
    page.click("#ep-train-advanced button")
    page.click("#ep-train-start")
    page.wait_for_selector(".ep-trials", timeout=20 * MINUTES)
    snap(page, "training", out, view)
    page.wait_for_selector(".ep-outcome", timeout=30 * MINUTES)
    snap(page, "trained", out, view)
    page.click(".ep-outcome .ep-primary")
    for number in range(2):
        page.click(f"#ep-portrait-templates .ep-tile >> nth={number}")
    page.wait_for_selector(".ep-face")
    page.click("#ep-portrait-go")
    page.wait_for_selector(".ep-shot-card >> nth=1", timeout=20 * MINUTES)
    snap(page, "portrait", out, view)


def look(open_page: Any, url: str, out: Path, everything: bool) -> None:
    """The tabs in every view."""
    for view in VIEWS:
        page = open_page(view)
        page.goto(f"{url}{view.language}/")
        page.wait_for_selector("#ep-quick-go")
        for name, something in TABS.items():
            file = "-".join(p for p in (f"tab-{name}", view.suffix) if p)
            if everything or file in SHOWN:
                arrive(page, name, something)
                snap(page, f"tab-{name}", out, view)
        page.context.close()


def arrive(page: Any, name: str, something: str) -> None:
    """Open the tab and wait until there is something to see."""
    page.evaluate(f"document.querySelector('#ep-tab-{name}-button').click()")
    if name == "doctor":
        page.click("#ep-doctor-run")
    page.wait_for_selector(something)
    if name == "portrait":
        page.click("#ep-portrait-templates .ep-tile >> nth=0")
        page.wait_for_selector(".ep-face")


def main() -> None:
    """Start, walk, look."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--all", action="store_true", help="every tab in every view")
    parser.add_argument("--data", type=Path, help="go on with this data folder: look only, train nothing")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    program = os.environ.get("EASYPHOTO_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        photos = [] if given.data else make_samples(Path(folder) / "samples")
        with server(given.data or Path(folder) / "data") as url:
            if photos:
                page = browser.new_context(**View().options).new_page()
                page.goto(f"{url}en/")
                page.wait_for_selector("#ep-quick-go")
                walk(page, photos, given.out, given.steps)
            look(lambda view: browser.new_context(**view.options).new_page(), url, given.out, given.all)
        browser.close()


if __name__ == "__main__":
    main()
