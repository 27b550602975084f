"""The panels come with the first request for the page, into the host's own Blocks; the start builds none of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from extension_world import FakeHost, open_host
from fake_studio import make_person
from fastapi import FastAPI
from starlette.testclient import TestClient

from easyphoto.webui import runtime


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHost]:
    runtime.app_state_in.cache_clear()
    host = open_host(tmp_path, monkeypatch)
    host.load()
    yield host
    if runtime.app_state_in.cache_info().currsize:
        runtime.app_state().queue.close()
    runtime.app_state_in.cache_clear()


def started(host: FakeHost, hidden: bool = False) -> tuple[gr.Blocks, TestClient]:
    """A host's page with the script's fields and our tab."""
    with gr.Blocks(analytics_enabled=False) as demo:
        host.scripts[0]().ui(is_img2img=False)  # type: ignore[attr-defined]
        with gr.Tabs(), gr.TabItem("EasyPhoto"):
            for interface, _, _ in host.build():
                if not hidden:
                    interface.render()
    return demo, TestClient(host.start(FastAPI(), demo))


def ids_in(config: dict[str, Any]) -> set[str]:
    return {str(one["props"].get("elem_id")) for one in config["components"]}


def people(demo: gr.Blocks) -> str:
    named = [one for one in demo.blocks.values() if str(one.elem_id).endswith("-person-1")]
    return str(named[0].choices)


def test_the_first_request_for_the_page_builds_them(host: FakeHost):
    demo, visitor = started(host)
    for method, path in (("HEAD", "/"), ("GET", "/sdapi/v1/options"), ("GET", "/file=style.css")):
        visitor.request(method, path)
    assert "ep-quick-go" not in ids_in(demo.config)
    assert runtime.app_state_in.cache_info().currsize == 0
    visitor.get("/")
    assert {"easyphoto-place", "easyphoto", "ep-quick-go"} <= ids_in(demo.config)
    blocks = len(demo.blocks)
    visitor.get("/")
    assert len(demo.blocks) == blocks


@pytest.mark.parametrize("path", ["/config", "/run/predict", "/queue/join"])
def test_so_does_a_page_that_was_open_before_the_host_was_started_again(host: FakeHost, path: str):
    demo, visitor = started(host)
    visitor.post(path) if path != "/config" else visitor.get(path)
    assert "ep-quick-go" in ids_in(demo.config)


def test_every_request_for_the_page_offers_the_persons_that_are_there_then(host: FakeHost):
    demo, visitor = started(host)
    visitor.get("/")
    assert "Ann" not in people(demo)
    make_person(runtime.app_state().studio.paths, "Ann")
    visitor.get("/")
    assert "Ann" in people(demo)
    assert "Ann" in str(demo.config)


def test_a_tab_that_the_host_hides_stays_hidden(host: FakeHost):
    demo, visitor = started(host, hidden=True)
    visitor.get("/")
    assert "ep-quick-go" not in ids_in(demo.config)


def test_what_breaks_in_building_them_is_told_on_the_tab(host: FakeHost, monkeypatch: pytest.MonkeyPatch):
    def broken(context: object) -> None:
        raise RuntimeError("no such theme")

    demo, visitor = started(host)
    monkeypatch.setattr("easyphoto.ui.tab.build", broken)
    visitor.get("/")
    assert "no such theme" in str(demo.config)
    assert gr.context.Context.root_block is None


def test_the_routes_say_that_there_is_no_studio_and_no_path(host: FakeHost, tmp_path: Path):
    (tmp_path / ".easyphoto").write_text("in the way")
    _, visitor = started(host)
    refused = visitor.get("/easyphoto/v1/persons")
    assert refused.status_code == 503
    assert str(tmp_path) not in refused.text
