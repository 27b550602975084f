"""No event of the page takes a file of this machine that the visitor has not uploaded."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio", reason="the page needs the ui extra")

from fake_studio import FakeStudio
from fastapi.testclient import TestClient
from PIL import Image

from easyphoto.api.server import Address, build_app
from easyphoto.jobs import JobQueue
from easyphoto.paths import Paths

NEW = int(version("gradio").split(".")[0]) >= 5
pytestmark = pytest.mark.skipif(not NEW, reason="our own server runs on a newer gradio only")


@pytest.fixture
def visitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    studio = FakeStudio(Paths(tmp_path / "data"))
    queue = JobQueue(studio.paths, studio)  # type: ignore[arg-type]
    app = build_app(studio, queue, Address(), lambda _: None)  # type: ignore[arg-type]
    with TestClient(app, base_url="http://127.0.0.1:7861") as client:
        yield client
    queue.close()


def values(event: dict[str, Any], components: dict[int, dict[str, Any]], path: Path) -> list[Any]:
    """Inputs of an event: every file field names `path`, everything else its own start value."""
    file = {"path": str(path), "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}
    chosen = []
    for number in event["inputs"]:
        component = components[number]
        if component["type"] in ("file", "uploadbutton", "image", "gallery"):
            several = component["props"].get("file_count") in ("multiple", "directory")
            chosen.append([file] if several else file)
        else:
            chosen.append(component["props"].get("value"))
    return chosen


def copies(folder: Path, content: bytes) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and file.read_bytes() == content]


def test_no_event_reads_a_file_that_was_never_uploaded(visitor: TestClient, tmp_path: Path):
    private = tmp_path / "home" / "private.png"
    private.parent.mkdir()
    Image.effect_noise((64, 64), 90).save(private)
    config = visitor.get("/en/config").json()
    components = {component["id"]: component for component in config["components"]}
    tried = 0
    for event in config["dependencies"]:
        if any(components[n]["type"] in ("file", "uploadbutton") for n in event["inputs"]):
            tried += 1
            body = {
                "fn_index": event["id"],
                "data": values(event, components, private),
                "session_hash": f"visitor{event['id']}",
                "trigger_id": (event["targets"] or [[None]])[0][0],
            }
            visitor.post("/en/gradio_api/run/predict", json=body)
    assert tried >= 3
    assert copies(tmp_path / "gradio", private.read_bytes()) == []
    assert copies(tmp_path / "data", private.read_bytes()) == []
