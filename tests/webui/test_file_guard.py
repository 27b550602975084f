"""Which requests the guard of our files refuses, and what the doctor makes of the answers."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse
from starlette.testclient import TestClient

from easyphoto.webui import diagnostics
from easyphoto.webui.file_guard import BLOCKED_PATHS, FileGuard
from easyphoto.webui.host_application import HostApplication
from easyphoto.webui.running_host import RunningHost


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "webui" / ".easyphoto"
    (folder / "persons").mkdir(parents=True)
    (folder / "persons" / "photo.png").write_bytes(b"photo")
    (tmp_path / "webui" / "other.png").write_bytes(b"other")
    return folder


def serving(login: bool = False) -> Any:
    """An application that hands out every file, as gradio would for allowed paths of everything."""
    app = FastAPI()
    app.tokens, app.auth = {}, [("ann", "a")] if login else None  # type: ignore[attr-defined]

    @app.get("/file={path:path}")
    def file(path: str, request: Request) -> FileResponse:
        if login and request.cookies.get("access-token") not in app.tokens:  # type: ignore[attr-defined]
            raise HTTPException(401)
        if not Path(path).is_file():
            raise HTTPException(404)
        return FileResponse(path)

    return app


def state_of(data: Path, app: Any) -> Any:
    ours = HostApplication(FileGuard(lambda: (data, data.parent / "gone")), RunningHost(app))
    return SimpleNamespace(application=ours)


def test_ours_are_refused_and_others_are_not(data: Path):
    app, guard = serving(), FileGuard(lambda: (data, data.parent / "gone"))
    guard.protect(app)
    guard.protect(app)
    assert app.router.routes.count(guard) == 1
    client = TestClient(app)
    assert client.get(f"/file={data}/persons/photo.png").status_code == 403
    assert client.get(f"/file={data}/persons/nobody.png").status_code == 403, "what is there is not told either"
    assert client.get(f"/file={data.parent}/other.png").content == b"other"
    assert client.get(f"/file={data.parent}/.easyphoto-not/x.png").status_code == 404
    assert client.get("/docs").status_code == 200


def test_every_name_of_a_folder_is_that_folder(data: Path, monkeypatch: pytest.MonkeyPatch):
    guard = FileGuard(lambda: (data,))
    (data.parent / "EASYPH~1").symlink_to(data)
    monkeypatch.chdir(data.parent)
    for name in (".easyphoto/persons", "EASYPH~1/x", "./a/../.easyphoto", f"//{data}", str(data)):
        assert guard.holds(name), name
    for name in ("", ".", "other.png", "\0", "/", ".easyphoto2/x", "http://host/.easyphoto"):
        assert not guard.holds(name), name


def test_the_host_blocks_them_from_its_first_moment_on(data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(BLOCKED_PATHS, "/somewhere")
    for _ in range(2):
        FileGuard(lambda: (data, Path("/a,b"))).block_until_started()
    assert os.environ[BLOCKED_PATHS].split(",") == ["/somewhere", str(data)]


@pytest.mark.parametrize("login", [False, True])
def test_the_doctor_asks_the_running_host(data: Path, login: bool):
    app = serving(login)
    state = state_of(data, app)
    found = diagnostics.data_folder_exposure(state)
    assert (found.state, "--listen" in found.remedy) == ("missing", True)
    state.application.guard.protect(app)
    assert diagnostics.data_folder_exposure(state).state == "ok"
    assert app.tokens == {}


def test_the_doctor_does_not_say_what_he_cannot_know(data: Path):
    assert diagnostics.data_folder_exposure(state_of(data, None)).state == "-"
    assert diagnostics.data_folder_exposure(state_of(data.parent / "empty", serving())).state == "-"
