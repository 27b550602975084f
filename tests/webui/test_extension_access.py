"""Our routes let in whom the host lets in."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from extension_world import FakeHost, open_host
from fake_studio import make_person
from fastapi import FastAPI
from starlette.testclient import TestClient

from easyphoto.webui import diagnostics, extension, runtime

PATH = "/easyphoto/v1/jobs"
COOKIES = ("access-token", "access-token-unsecure", "access-token-X1y2", "access-token-unsecure-X1y2")


@pytest.fixture(autouse=True)
def _fresh_house() -> Iterator[None]:
    runtime.app_state_in.cache_clear()
    yield
    runtime.app_state_in.cache_clear()


def opened(root: Path, patch: pytest.MonkeyPatch, accounts: Any = (), **flags: Any) -> tuple[FakeHost, TestClient]:
    """The host's application with our routes; `accounts` are those of its page."""
    host = open_host(root, patch, **flags)
    host.accounts.extend(accounts)
    app = FastAPI()
    app.tokens = {"t0ken": "ann"}  # type: ignore[attr-defined]
    extension.Extension(str).on_app_started(None, app)
    return host, TestClient(app, base_url="http://127.0.0.1:7860")


@pytest.fixture(autouse=True)
def _closed(tmp_path: Path) -> Iterator[None]:
    yield
    if runtime.app_state_in.cache_info().currsize:
        runtime.app_state_in(tmp_path.resolve() / ".easyphoto").queue.close()


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_on_this_machine_host_names_and_pages_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _, visitor = opened(tmp_path, monkeypatch)
    assert visitor.get(PATH).status_code == 200
    assert visitor.get(PATH, headers={"Host": "evil.example"}).status_code == 403
    assert visitor.get(PATH, headers={"Origin": "http://evil.example"}).status_code == 403


def test_clients_of_the_original_reach_us_as_they_reach_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _, visitor = opened(tmp_path, monkeypatch)
    for name in ("0.0.0.0:7860", "[::]:7860"):
        assert visitor.get(PATH, headers={"Host": name}).status_code == 200
    at_address = TestClient(visitor.app, base_url="http://192.168.7.9:7860")  # that of our end of the connection
    assert at_address.get(PATH).status_code == 200
    assert at_address.get(PATH, headers={"Host": "192.168.7.10:7860"}).status_code == 403
    by_name = TestClient(visitor.app, base_url="http://evil.example:7860")
    assert by_name.get(PATH).status_code == 403
    foreign = {"Host": "0.0.0.0:7860", "Origin": "http://evil.example"}
    assert visitor.get(PATH, headers=foreign).status_code == 403


@pytest.mark.parametrize("flags", [{"listen": True}, {"share": True}, {"ngrok": "x"}, {"server_name": "studio.lan"}])
def test_a_host_that_opened_itself_is_open_but_not_for_pages_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: dict[str, Any]
):
    _, visitor = opened(tmp_path, monkeypatch, **flags)
    assert visitor.get(PATH, headers={"Host": "studio.lan:7860"}).status_code == 200
    for foreign in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert visitor.get(PATH, headers={"Host": "studio.lan:7860", **foreign}).status_code == 403
    assert diagnostics.network_exposure().state == "missing"


@pytest.mark.parametrize("listen", [False, True])
def test_api_auth_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listen: bool):
    _, visitor = opened(tmp_path, monkeypatch, api_auth="ann:a,bob:b", listen=listen)
    refused = visitor.get(PATH)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic ")
    assert visitor.get(PATH, headers={"Cookie": "access-token=t0ken"}).status_code == 401
    for headers, status in ((basic("ann", "b"), 401), (basic("ann", "a"), 200), (basic("bob", "b"), 200)):
        assert visitor.get(PATH, headers={"Host": "studio.lan", **headers}).status_code == status


def test_the_pages_link_to_a_persons_zip_needs_no_login_of_the_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _, visitor = opened(tmp_path, monkeypatch, api_auth="ann:a")
    state = runtime.app_state()
    for name in ("Ann", "Bea"):
        make_person(state.studio.paths, name)
    place, other = "/v1/persons/ann/export", "/v1/persons/bea/export"
    link = state.application.tickets.query(place)
    assert visitor.get(f"/easyphoto{place}").status_code == 401
    assert visitor.get(f"/easyphoto{place}{link}").content[:2] == b"PK"
    for wrong in (
        f"{other}{link}",
        f"/v1/jobs{link}",
        f"{place}?ticket=x",
        f"{place}?ticket=%C3%A4",
        f"{place}{link}0",
    ):
        assert visitor.get(f"/easyphoto{wrong}").status_code in (400, 401), wrong
    header = {"X-EasyPhoto-Ticket": f"{place} {link.removeprefix('?ticket=')}"}
    assert visitor.get(f"/easyphoto{place}", headers=header).status_code == 401, "only links, whose path we see, count"
    foreign = {"Origin": "http://evil.example"}
    assert visitor.get(f"/easyphoto{place}{link}", headers=foreign).status_code == 403


@pytest.mark.parametrize("cookie", COOKIES)
def test_who_has_logged_in_to_the_page_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cookie: str):
    _, visitor = opened(tmp_path, monkeypatch, [("ann", "a:b")])
    assert visitor.get(PATH).status_code == 401
    assert visitor.get(PATH, headers={"Cookie": f"theme=dark; {cookie}=t0ken"}).status_code == 200
    for wrong in (f"{cookie}=", f"{cookie}=other", "other=t0ken", f"x{cookie}=t0ken", ";;=;"):
        assert visitor.get(PATH, headers={"Cookie": wrong}).status_code == 401, wrong
    assert visitor.get(PATH, headers=basic("ann", "a:b")).status_code == 200


def test_either_login_will_do_where_there_are_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _, visitor = opened(tmp_path, monkeypatch, [("ann", "a")], api_auth="robot:r")
    assert visitor.get(PATH).status_code == 401
    for headers in (basic("robot", "r"), basic("ann", "a"), {"Cookie": "access-token=t0ken"}):
        assert visitor.get(PATH, headers=headers).status_code == 200
    assert "page, API" in diagnostics.network_exposure().value


def test_a_logged_in_browser_on_a_foreign_page_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _, visitor = opened(tmp_path, monkeypatch, [("ann", "a")])
    headers = {"Cookie": "access-token=t0ken", "Origin": "http://evil.example"}
    assert visitor.get(PATH, headers=headers).status_code == 403


def test_further_names_and_pages_that_the_owner_has_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    host = open_host(tmp_path, monkeypatch, cors_allow_origins="https://mine.example,*")
    host.options.data["easyphoto_hosts"] = "Studio.example; proxy.lan"
    app = FastAPI()
    extension.Extension(str).on_app_started(None, app)
    visitor = TestClient(app, base_url="http://127.0.0.1:7860")
    for headers in ({"Host": "studio.example"}, {"Host": "proxy.lan:80"}, {"Origin": "https://mine.example"}):
        assert visitor.get(PATH, headers=headers).status_code == 200, headers
    assert visitor.get(PATH, headers={"Origin": "https://other.example"}).status_code == 403
