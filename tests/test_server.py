"""The gate of the program as a server: who is let in, in which language, and with which token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio", reason="the page needs the ui extra")

from fake_studio import FakeStudio
from fastapi.testclient import TestClient

from easyphoto.api import Access
from easyphoto.api.server import TOKEN_COOKIE, Address, build_app, listening
from easyphoto.errors import BadRequest, Busy
from easyphoto.jobs import JobQueue
from easyphoto.paths import Paths

HOME = "http://127.0.0.1:7861"
TOKEN = "0123456789abcdefXYZ"


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    studio = FakeStudio(Paths(tmp_path_factory.mktemp("data")))
    queue = JobQueue(studio.paths, studio)  # type: ignore[arg-type]
    told: list[str] = []
    yield {
        "here": build_app(studio, queue, Address(), told.append),  # type: ignore[arg-type]
        "open": build_app(studio, queue, Address("0.0.0.0", token=TOKEN), told.append),  # type: ignore[arg-type]
        "told": told,
    }
    queue.close()


def client(app: Any, base: str = HOME, **options: Any) -> TestClient:
    return TestClient(app, base_url=base, follow_redirects=False, **options)


@pytest.mark.parametrize(("accept", "place"), [("zh-CN,zh", "/zh/"), ("en", "/en/"), ("de", "/en/")])
def test_the_front_page_leads_to_the_visitors_language(apps: dict[str, Any], accept: str, place: str):
    answer = client(apps["here"]).get("/", headers={"accept-language": accept})
    assert answer.status_code == 302
    assert f"/{answer.headers['location']}".endswith(place)


def test_a_chosen_language_is_remembered(apps: dict[str, Any]):
    visitor = client(apps["here"])
    visitor.get("/?lang=zh", headers={"accept-language": "en"})
    assert visitor.get("/", headers={"accept-language": "en"}).headers["location"].endswith("zh/")
    assert "evil" not in str(visitor.get("/?lang=//evil.example").headers)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_answer(apps: dict[str, Any], language: str):
    answer = client(apps["here"]).get(f"/{language}/")
    assert answer.status_code == 200
    assert "EasyPhoto" in answer.text


@pytest.mark.parametrize("path", ["/", "/en/", "/en/config", "/easyphoto/v1/jobs"])
def test_a_strangers_host_name_is_refused(apps: dict[str, Any], path: str):
    assert client(apps["here"], "http://evil.example:7861").get(path).status_code == 403


@pytest.mark.parametrize("path", ["/en/gradio_api/upload", "/en/gradio_api/run/predict"])
def test_pages_of_other_sites_cannot_post(apps: dict[str, Any], path: str):
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert client(apps["here"]).post(path, headers=headers).status_code == 403


def test_a_link_from_elsewhere_may_lead_here(apps: dict[str, Any]):
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client(apps["here"]).get("/en/", headers=headers).status_code == 200


def test_files_of_the_machine_are_not_served(apps: dict[str, Any], tmp_path: Path):
    secret = tmp_path / "secret.txt"
    secret.write_text("private", encoding="utf-8")
    for path in (f"/en/gradio_api/file={secret}", f"/en/file={secret}", "/en/gradio_api/file=../../pyproject.toml"):
        answer = client(apps["here"]).get(path)
        assert answer.status_code in (403, 404)
        assert "private" not in answer.text


def test_without_its_token_an_open_server_shows_nothing(apps: dict[str, Any]):
    visitor = client(apps["open"], "http://192.168.1.5:7861")
    for path in ("/", "/en/", "/en/config", "/?token=wrong-token-entirely", "/easyphoto/v1/jobs"):
        assert visitor.get(path).status_code == 401, path


def test_the_token_becomes_a_cookie_and_leaves_the_address(apps: dict[str, Any]):
    visitor = client(apps["open"], "http://192.168.1.5:7861")
    answer = visitor.get(f"/?token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))
    assert visitor.cookies[TOKEN_COOKIE] == TOKEN
    assert visitor.get("/en/").status_code == 200


def test_the_cookie_opens_the_api_to_our_own_page_only(apps: dict[str, Any]):
    visitor = client(apps["open"], "http://192.168.1.5:7861", cookies={TOKEN_COOKIE: TOKEN})
    assert visitor.get("/easyphoto/v1/jobs", headers={"sec-fetch-site": "same-origin"}).status_code == 200
    assert visitor.get("/easyphoto/v1/jobs", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert visitor.get("/easyphoto/v1/jobs", headers={"authorization": "Bearer wrong"}).status_code == 401


def test_an_open_server_without_a_token_is_not_made():
    with pytest.raises(BadRequest, match="token"):
        _ = Address("0.0.0.0").access


def test_a_port_that_is_taken_is_named():
    with listening(Address(port=0)) as taken, pytest.raises(Busy, match=str(taken.getsockname()[1])):
        listening(Address(port=taken.getsockname()[1]))


def test_ready_is_told_once_the_page_answers(apps: dict[str, Any]):
    with client(apps["here"]):
        assert apps["told"][-1] == f"{HOME}/"
    assert Address("0.0.0.0", 8000, TOKEN).url == f"http://127.0.0.1:8000/?token={TOKEN}"


@pytest.mark.parametrize("path", ["/", "/en/", "/easyphoto/v1/jobs", "/favicon.ico"])
def test_no_page_of_another_site_frames_ours(apps: dict[str, Any], path: str):
    assert "frame-ancestors 'self'" in client(apps["here"]).get(path).headers["content-security-policy"]


@pytest.mark.parametrize("token", ["a%0d%0aSet-Cookie:%20b=c", "%C3%BC", "a;b", "anything"])
def test_a_token_that_nobody_asked_for_becomes_no_cookie(apps: dict[str, Any], token: str):
    answer = client(apps["here"]).get(f"/?token={token}")
    assert (answer.status_code, answer.headers.get("set-cookie")) == (302, None)


@pytest.mark.parametrize("mark", [";", " ", '"', "\r\n", ",", "\\", "ü"])
def test_a_token_that_no_cookie_can_hold_is_refused(mark: str):
    with pytest.raises(BadRequest):
        Access.network(f"0123456789{mark}abcdefgh")
    Access.network("0123456789!#$%&*+-./:<=>?@[]^_`{|}~")


@pytest.mark.parametrize(
    "token", ["a%0d%0aSet-Cookie:%20b=c", "%C3%BC" * 16, "%FF" * 16, "abcdefgh;ijklmnopq", "%00" * 16]
)
def test_an_odd_token_on_an_open_server_is_wrong_and_no_more(apps: dict[str, Any], token: str):
    answer = client(apps["open"], "http://192.168.1.5:7861").get(f"/?token={token}")
    assert (answer.status_code, answer.headers.get("set-cookie")) == (401, None)
