"""No event of the page takes, copies or shows a file of the machine that nobody has uploaded, on any gradio."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from host_process import KINDS, GradioHost, running
from PIL import Image

FILES = ("file", "uploadbutton")
WORDS = (
    *("toggle", "show", "remove", "person", "assign", "older", "download", "again", "report", "rename", "delete"),
    *("cancel", "resume", "log", "open-report", "keep", "drop"),
)
KEYS = ("template", "person", "job", "portrait", "file", "picture", "text", "photo", "token")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]


@dataclass(frozen=True)
class Page:
    """The events of the running page."""

    host: GradioHost
    components: dict[int, dict[str, Any]]
    events: list[dict[str, Any]]

    @property
    def api(self) -> str:
        return "/gradio_api" if self.host.major > 4 else ""

    def kinds(self, event: dict[str, Any]) -> list[str]:
        """Of its inputs."""
        return [self.components[number]["type"] for number in event["inputs"]]

    def values(self, event: dict[str, Any], foreign: Any, everywhere: bool) -> list[Any]:
        """Inputs of the event: `foreign` for file fields, or for all; else what they start with."""
        inputs = [self.components[number] for number in event["inputs"]]
        return [
            _value(one, foreign) if everywhere or one["type"] in FILES else one["props"].get("value") for one in inputs
        ]

    def send(self, number: int, values: list[Any]) -> bytes:
        """What comes out of every way this gradio has to run event `number`."""
        body = {"fn_index": number, "data": values, "session_hash": f"visitor{number}", "event_data": None}
        out = [self.host.ask(f"{self.api}/run/predict", "POST", body)[1]]
        if self.host.major > 3:  # in gradio 3 the queue is a websocket and ends in the same function
            out.append(self.host.ask(f"{self.api}/queue/join", "POST", body)[1])
            out.append(self.host.ask(f"{self.api}/queue/data?session_hash={body['session_hash']}")[1])
        return b"\n".join(out)


def _value(component: dict[str, Any], foreign: Any) -> Any:
    several = component["type"] in FILES and component["props"].get("file_count") in ("multiple", "directory")
    return [foreign] if several else foreign


@pytest.fixture(scope="module", params=KINDS)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with running(request.param, tmp_path_factory.mktemp("host") / "webui") as host:
        config = json.loads(host.ask("/config")[1])
        components = {one["id"]: one for one in config["components"]}
        events = [{"id": number, **event} for number, event in enumerate(config["dependencies"])]
        yield Page(host, components, [event for event in events if event.get("backend_fn", True)])


@pytest.fixture
def private(page: Page, tmp_path: Path) -> dict[str, Path]:
    """Files nobody has uploaded: a picture, a person's zip, somebody's photo of ours, and a link in gradio's folder."""
    picture = tmp_path / "home" / "private.png"
    picture.parent.mkdir()
    Image.effect_noise((64, 64), 90).save(picture)
    ours = next((page.host.data / ".easyphoto" / "persons").rglob("*.png"))
    archive = Path(shutil.make_archive(str(tmp_path / "home" / "person"), "zip", ours.parent))
    link = page.host.data.parent / "gradio" / "visitor" / "link.png"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(picture)
    return {"picture": picture, "zip": archive, "ours": ours, "link": link}


def spellings(page: Page, private: dict[str, Path]) -> list[str]:
    gradio, root = page.host.data.parent / "gradio", Path(__file__).resolve().parents[2]
    picture = private["picture"]
    names = [*map(str, private.values()), f"{gradio}/x/../../{os.path.relpath(picture, gradio.parent)}"]
    return [*names, os.path.relpath(picture, root), f"file://{picture}", f"{gradio}-not/x.png"]


def messages(path: str) -> list[Any]:
    """How the gradios say a file."""
    new = {"path": path, "orig_name": "me.png", "meta": {"_type": "gradio.FileData"}}
    old = {"name": path, "orig_name": "me.png", "data": None, "is_file": True}
    return [new, {**new, "url": f"/file={path}"}, old, {**old, **new}, {**old, "orig_name": path}, path]


def stored(page: Page) -> set[Path]:
    """Files of every place that a visitor could have filled, but the database and empty ones."""
    places = [page.host.data, page.host.data.parent / "gradio", page.host.data.parent / "tmp"]
    files = (file for place in places for file in place.rglob("*") if file.is_file() and not file.is_symlink())
    return {file for file in files if file.stat().st_size and ".sqlite" not in file.name}


def shown(private: dict[str, Path], answer: bytes) -> list[str]:
    """Which of the files is in the answer."""
    contents = {name: file.read_bytes() for name, file in private.items()}
    return [n for n, c in contents.items() if c in answer or base64.b64encode(c)[:400] in answer]


def test_no_event_takes_a_file_that_was_never_uploaded(page: Page, private: dict[str, Path]):
    before, tried = stored(page), 0
    for event in page.events:
        usual = page.send(event["id"], page.values(event, None, False)).count(b"data:image")
        everywhere = [False] if set(page.kinds(event)) & set(FILES) else [True]
        for path in spellings(page, private) if not everywhere[0] else [str(private["picture"])]:
            for message in messages(path):
                answer = page.send(event["id"], page.values(event, message, everywhere[0]))
                assert shown(private, answer) == [], (event["id"], message)
                assert answer.count(b"data:image") <= usual, (event["id"], message)
                assert stored(page) == before, (event["id"], message)
                tried += 1
    assert len(page.events) > 20
    assert tried > 250
    assert json.loads(page.host.ask("/easyphoto/v1/jobs")[1])["jobs"] == []


def said(page: Page, event: dict[str, Any], word: str, named: str) -> bytes:
    """What comes of that word on whatever is named so."""
    text = json.dumps({"do": word, "word": word, "face": 0, **dict.fromkeys(KEYS, named)})
    values = page.values(event, None, False)
    values[page.kinds(event).index("textbox")] = text
    return page.send(event["id"], values)


def test_no_word_of_the_script_names_a_file(page: Page, private: dict[str, Path]):
    """The hidden fields carry JSON of our script; whatever it names is looked up and is never a path."""
    before, boxes = stored(page), 0
    for event in page.events:
        sent = [kind for kind in page.kinds(event) if kind != "state"]  # what a panel remembers never leaves the server
        if not sent or sent[0] != "textbox" or len(sent) > 4:
            continue
        boxes += 1
        for word in WORDS:
            usual = said(page, event, word, "nobody").count(b"data:image")
            for path in (str(private["picture"]), "../../../../home/private.png"):
                answer = said(page, event, word, path)
                assert shown(private, answer) == [], (event["id"], word)
                assert answer.count(b"data:image") <= usual, (event["id"], word)
    assert boxes >= 5
    assert stored(page) == before


def test_no_event_fetches_an_address(page: Page):
    asked: list[str] = []

    class Target(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with ThreadingHTTPServer(("127.0.0.1", 0), Target) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        for event in page.events:
            if set(page.kinds(event)) & set(FILES):
                for message in messages(f"http://127.0.0.1:{server.server_port}/inside.png"):
                    page.send(event["id"], page.values(event, message, False))
        server.shutdown()
    assert asked == []
