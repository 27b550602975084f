"""How soon the page is painted once the server says it is ready, and whether opening it loads torch.

    python benchmarks/first_paint.py [--runs 5]

Starts the real program on an empty data folder and opens it with a cold cache in the system's
Chromium (or the one in EASYPHOTO_CHROMIUM).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


@contextmanager
def server(home: Path) -> Iterator[tuple[str, int]]:
    """(address, process id) of the program once it answers."""
    command = [sys.executable, "-u", "-m", "easyphoto", "ui", "--port", "0", "--data", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if found := re.search(r"http://[\w.:\[\]-]+", line):
                    yield found.group(), process.pid
                    return
            raise RuntimeError("The server ended before it said where it is.")
        finally:
            process.terminate()


def paint_of(address: str) -> float:
    """Milliseconds from navigation to the first contentful paint, in a browser of its own."""
    program = os.environ.get("EASYPHOTO_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(address, wait_until="commit")
        while (painted := page.evaluate(PAINT)) is None:
            time.sleep(0.05)
        browser.close()
    return float(painted)


def loads_torch(pid: int) -> bool | None:
    """Whether the process has torch's libraries in memory; None where the system does not tell."""
    maps = Path(f"/proc/{pid}/maps")
    return "libtorch" in maps.read_text(encoding="utf-8") if maps.is_file() else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    paints = []
    with tempfile.TemporaryDirectory() as home:
        for _ in range(runs):
            with server(Path(home)) as (address, pid):
                paints.append(paint_of(address))
                torch = loads_torch(pid)
    print(f"first paint, ms: median {statistics.median(paints):.0f}, all {', '.join(f'{p:.0f}' for p in paints)}")
    print(f"torch loaded: {torch}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
