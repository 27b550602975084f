"""Script and extension: loaded as the host loads it, in both start orders, again and again, and with what may fail."""

from __future__ import annotations

import base64
import errno
import gc
import importlib
import shutil
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from extension_world import SCRIPT, FakeHost, open_host
from fastapi import FastAPI
from starlette.testclient import TestClient

from easyphoto.api import legacy
from easyphoto.domain import Checkpoint, ModelFamily
from easyphoto.webui import runtime


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHost]:
    runtime.app_state_in.cache_clear()
    yield open_host(tmp_path, monkeypatch)
    if runtime.app_state_in.cache_info().currsize:
        runtime.app_state_in(tmp_path.resolve() / ".easyphoto").queue.close()
    runtime.app_state_in.cache_clear()


def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1:7860")


def lanes() -> list[str]:
    return sorted(t.name for t in threading.enumerate() if t.name.startswith("easyphoto-jobs"))


def ids_of(blocks: gr.Blocks) -> set[str]:
    return {str(block.elem_id) for block in blocks.blocks.values()}


def text_of(blocks: gr.Blocks) -> str:
    return " ".join(str(getattr(block, "value", "")) for block in blocks.blocks.values())


# ---------------------------------------------------------------- starting


def test_a_normal_start_makes_the_tab_and_then_the_routes(host: FakeHost):
    host.load()
    [(_, title, name)] = host.build()
    assert (title, name) == ("EasyPhoto", "easyphoto")
    blocks = host.page()
    assert {"easyphoto", "ep-train-start", "ep-portrait-go"} <= ids_of(blocks)
    assert "ep-banner" not in text_of(blocks)
    app = host.start(FastAPI())
    assert client(app).get("/easyphoto/v1/persons").json() == {"persons": []}
    assert (host.data / ".easyphoto").is_dir()


def test_without_the_page_there_are_the_routes(host: FakeHost):
    host.load()
    app = host.start(FastAPI())
    assert client(app).get("/easyphoto/v1/forms").json()["base_models"] == [{"name": "dream", "family": "sd15"}]


def test_reload_ui_doubles_nothing(host: FakeHost):
    others = lanes()  # of a queue that another test has left
    host.load()
    host.build()
    first = host.start(FastAPI())
    assert client(first).get("/easyphoto/v1/jobs").status_code == 200
    job_threads, old = lanes(), weakref.ref(first)
    assert len(job_threads) - len(others) == 4  # recorder, device, checks, downloads
    del first
    for _ in range(2):
        host.load()
        assert (len(host.tabs), len(host.starts)) == (1, 1)
        host.build()
        app = host.start(host.start(FastAPI(), gr.Blocks()), gr.Blocks())
        assert [type(route).__name__ for route in app.routes].count("PageRequests") == 1
        assert [route.path for route in app.routes].count("/easyphoto") == 1
        assert client(app).get("/easyphoto/v1/jobs").status_code == 200
    assert lanes() == job_threads
    gc.collect()
    assert old() is None


# ---------------------------------------------------------------- the tab inside the host


def test_the_host_remembers_none_of_our_defaults(host: FakeHost):
    host.load()
    [(column, _, _)] = host.build()
    assert column.children == [], "what a host finds here it remembers"


def test_a_host_without_checkpoints_says_so_on_the_tab(host: FakeHost, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("extension_world.HostsEngine.default", lambda self: "")
    monkeypatch.setattr("extension_world.HostsEngine.checkpoints", lambda self: [])
    host.load()
    assert "no SD 1.5 / SDXL checkpoint" in text_of(host.page())


@pytest.mark.parametrize(
    ("setting", "localization", "word"),
    [
        ("auto", "None", "Start training"),
        ("auto", "zh_CN", "开始训练"),
        ("en", "zh_CN", "Start"),
        ("zh", "None", "开始"),
    ],
)
def test_the_language_is_the_hosts_unless_set(host: FakeHost, setting: str, localization: str, word: str):
    host.options.data.update(easyphoto_language=setting, localization=localization)
    host.load()
    assert word in text_of(host.page())


def test_the_vae_of_the_settings_reaches_the_engine(host: FakeHost):
    host.load()
    engine = runtime.app_state().studio.engine
    assert engine.vae() == ""  # type: ignore[attr-defined]
    host.options.data["easyphoto_vae"] = "fine"
    assert engine.vae() == "fine"  # type: ignore[attr-defined]


def test_settings_are_labeled_in_the_language_of_the_host(host: FakeHost):
    from easyphoto.webui import settings

    settings.add()
    assert host.options.data_labels["easyphoto_vae"].label == "VAE for portraits"
    host.options.data["localization"] = "zh_CN"
    settings.add()
    shown = host.options.data_labels["easyphoto_vae"]
    assert shown.label == "写真使用的 VAE" and "留空：使用 WebUI 的设置" in shown.notes


def test_settings_have_one_section_and_true_choices(host: FakeHost):
    host.load()
    added = host.options.data_labels
    names = ("language", "faces", "vae", "hosts", "train_beside", "lora_cards")
    assert set(added) == {f"easyphoto_{name}" for name in names}
    assert {info.section for info in added.values()} == {("easyphoto", "EasyPhoto")}
    assert added["easyphoto_vae"].component_args()["choices"] == ["", "Automatic", "None", "fine"]


def test_a_request_that_names_no_base_model_gets_the_hosts_own(host: FakeHost):
    host.load()
    visitor = client(host.start(FastAPI()))
    forms = visitor.get("/easyphoto/v1/forms").json()
    assert forms["base_model"] == forms["defaults"]["sd15"]["train"]["base_model"] == "dream"
    assert forms["defaults"]["sdxl"]["train"]["base_model"] == ""
    photo = {"name": "a.png", "data": base64.b64encode(b"none").decode()}
    body = {"request": {"person": "Ann", "consent": True}, "photos": [photo]}  # no picture: it ends at once
    request = visitor.post("/easyphoto/v1/jobs/train", json=body).json()["request"]
    assert (request["base_model"], request["resolution"]) == ("dream", 512)


def test_old_clients_get_their_usual_checkpoint_under_the_hosts_name(host: FakeHost, monkeypatch: pytest.MonkeyPatch):
    usual = legacy.USUAL_CHECKPOINT.removesuffix(".safetensors")
    monkeypatch.setattr(
        "extension_world.HostsEngine.checkpoints",
        lambda self: [Checkpoint(n, ModelFamily.SD15) for n in ("dream", usual)],
    )
    context = SimpleNamespace(studio=runtime.app_state().studio)
    assert legacy._checkpoint(context, {}) == (Checkpoint(usual, ModelFamily.SD15), [])  # type: ignore[arg-type]


# ---------------------------------------------------------------- what may fail


def reason(host: FakeHost, script: Path = SCRIPT) -> str:
    host.load(script)
    assert [tab[1:] for tab in host.build()] == [("EasyPhoto", "easyphoto")]
    return text_of(host.page())


def test_a_foreign_package_of_our_name_is_told(host: FakeHost, tmp_path: Path):
    """A copy of the script in another folder meets our package as a foreign one."""
    script = tmp_path / "other" / "scripts" / SCRIPT.name
    script.parent.mkdir(parents=True)
    shutil.copy(SCRIPT, script)
    told = reason(host, script)
    assert "Another extension has a package named kohya_train" in told
    assert "Extensions page" in told
    assert host.starts == []


def test_an_old_python_is_told(host: FakeHost, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 13))
    assert "needs Python 3.10 or later; this WebUI runs on 3.9" in reason(host)


def test_a_host_that_generates_in_another_way_is_told(host: FakeHost, monkeypatch: pytest.MonkeyPatch):
    """SD.Next has no such module."""
    monkeypatch.setitem(sys.modules, "modules.initialize_util", None)
    told = reason(host)
    assert "SD.Next" in told
    assert "python start.py" in told


def test_a_missing_package_is_told_with_its_name(host: FakeHost, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runtime, "find_spec", lambda name: None if name == "onnxruntime" else object())
    told = reason(host)
    assert "needs onnxruntime" in told
    assert "--skip-install" in told
    assert host.start(FastAPI()).routes  # it starts, without ours


def test_a_package_that_breaks_while_it_is_imported_is_told(host: FakeHost, monkeypatch: pytest.MonkeyPatch):
    import_module = importlib.import_module

    def broken(name: str, package: str | None = None) -> object:
        if name == "easyphoto.webui.extension":
            raise ModuleNotFoundError("No module named '<numpy>'")
        return import_module(name, package)

    monkeypatch.setattr(importlib, "import_module", broken)
    told = reason(host)
    assert "No module named &#x27;&lt;numpy&gt;&#x27;" in told


def test_a_data_folder_that_cannot_be_made_is_told(host: FakeHost, tmp_path: Path):
    (tmp_path / ".easyphoto").write_text("in the way")
    told = reason(host)
    assert "EasyPhoto cannot start" in told and "There is a file where a folder is needed" in told


def test_a_full_disk_is_told_with_its_name(host: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(runtime, "JobQueue", full)
    told = reason(host)
    assert "There is no room left on the disk" in told and "EASYPHOTO_HOME" in told and "Errno" not in told
