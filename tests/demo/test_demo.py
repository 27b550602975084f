"""The main job from end to end, as a user starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The output folder and what was printed."""
    out = tmp_path_factory.mktemp("demo") / "演示 out"
    command = [sys.executable, "-m", "easyphoto", "demo", "--out", str(out), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return out, json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_portraits_show_the_person_and_not_the_template(finished):
    out, printed = finished
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert len(result["portraits"]) == 4 and not printed["failures"]
    for portrait in result["portraits"]:
        assert portrait["likeness_before"] > 0.55
        assert portrait["likeness_after"] < min(0.56, portrait["likeness_before"] - 0.05)
        with Image.open(out / portrait["file"]) as picture:
            assert picture.format == "PNG" and min(picture.size) >= 256


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_figures_are_complete(finished):
    out, printed = finished
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert {"samples", "prepare photos", "portrait"} <= set(result["seconds"])
    assert all(spent >= 0 for spent in result["seconds"].values())
    assert 100 < result["peak_rss_mb"] < 6000
    assert printed["peak_rss_mb"] == result["peak_rss_mb"]


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_the_page_shows_every_picture(finished):
    out, printed = finished
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") >= 8 + 2 * len(printed["portraits"])
    assert "http://" not in page and "https://" not in page
    assert "No LoRA was trained" in page and "<svg" not in page
