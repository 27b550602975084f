"""Who is let in: tokens, host names, pages of other sites, sizes, content types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_world import PHOTO, World, b64, png, world
from starlette.testclient import TestClient

from easyphoto.api import Access
from easyphoto.api.access import Accounts, Token
from easyphoto.errors import BadRequest

TOKEN = "correct-horse-battery"


@pytest.fixture
def w(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def test_a_door_to_the_network_needs_a_token():
    for token in ("", "short", "ünicode-ünicode-ünicode"):
        with pytest.raises(BadRequest):
            Access.network(token)
    with pytest.raises(BadRequest):
        Access.local("short")


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer wrong-horse-battery", 401),
        (f"Basic {TOKEN}", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
    ],
)
def test_token(tmp_path, authorization, status):
    with world(tmp_path, Access.network(TOKEN)) as w:
        client = TestClient(w.client.app, base_url="http://studio.example:8000")
        headers = {} if authorization is None else {"Authorization": authorization}
        for path in ("jobs", "persons", "openapi.json", "doctor"):
            answer = client.get(f"/easyphoto/v1/{path}", headers=headers)
            assert answer.status_code == status
            assert ("www-authenticate" in answer.headers) == (status == 401)
        legacy = client.post("/easyphoto/easyphoto_infer_forward", json={}, headers=headers)
        assert legacy.status_code == status


def test_the_document_asks_for_the_token_only_where_there_is_one(tmp_path, w):
    assert "security" not in w.get("openapi.json").json()
    with world(tmp_path / "b", Access.network(TOKEN)) as other:
        document = other.get("openapi.json", headers={"Authorization": f"Bearer {TOKEN}"}).json()
        assert document["security"] == [{"token": []}]


LOGIN = Accounts((("ann", "pass:wört"), ("bob", "b")))


def basic(user: str, password: str) -> str:
    return "Basic " + b64(f"{user}:{password}".encode())


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("", 401),
        ("Basic", 401),
        ("Basic !!!", 401),
        ("Basic wört", 401),
        (basic("ann", "b"), 401),
        (basic("ann", ""), 401),
        (basic("", ""), 401),
        ("Bearer pass:wört", 401),
        (basic("ann", "pass:wört"), 200),
        (basic("bob", "b").replace("Basic", "bASIC"), 200),
    ],
)
def test_a_login(tmp_path, authorization, status):
    with world(tmp_path, Access(False, (LOGIN,))) as w:
        headers = {"Authorization": authorization.encode("utf-8")}
        answer = w.get("jobs", headers=headers)
        assert answer.status_code == status
        assert answer.headers.get("www-authenticate", "").startswith("Basic realm=") == (status == 401)


def test_one_proof_of_several_is_enough(tmp_path):
    with world(tmp_path, Access(False, (Token(TOKEN), LOGIN))) as w:
        for authorization in (f"Bearer {TOKEN}", basic("bob", "b")):
            assert w.get("jobs", headers={"Authorization": authorization}).status_code == 200
        refused = w.get("jobs")
        assert (refused.status_code, refused.json()["kind"]) == (401, "NoLogin")
        document = w.get("openapi.json", headers={"Authorization": basic("bob", "b")}).json()
        assert document["security"] == [{"token": []}, {"login": []}]


def test_an_opened_door_knows_no_host_names_but_pages_of_other_sites(tmp_path):
    with world(tmp_path, Access(False, opened=True)) as w:
        assert w.get("jobs", headers={"Host": "studio.example"}).status_code == 200
        assert w.get("jobs", headers={"Host": "studio.example", "Origin": "http://evil.example"}).status_code == 403


def test_pages_that_the_owner_has_named(tmp_path):
    access = Access(True, hosts=frozenset({"studio.example"}), pages=frozenset({"https://mine.example"}))
    with world(tmp_path, access) as w:
        for headers in (
            {"Host": "studio.example:80"},
            {"Origin": "https://studio.example"},
            {"Origin": "https://mine.example", "Sec-Fetch-Site": "cross-site"},
        ):
            assert w.get("jobs", headers=headers).status_code == 200, headers
        for origin in ("https://mine.example.evil", "http://mine.example", "https://notstudio.example"):
            assert w.get("jobs", headers={"Origin": origin}).status_code == 403, origin


def test_what_must_not_be_packed_says_so(tmp_path):
    """A WebUI's gzip layer passes such answers on as they come."""
    with world(tmp_path) as w:
        job = w.ended(w.post("jobs/check", {"photos": [PHOTO]}).json())
        assert w.get(f"jobs/{job['id']}/events").headers["content-encoding"] == "identity"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "localhost.evil.example", "", "[", "127.0.0.1.evil"]
)
def test_dns_rebinding(w, host):
    assert w.get("jobs", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1", "[::1]:7860", "LOCALHOST"])
def test_our_own_names(w, host):
    assert w.get("jobs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_sites(w, headers):
    assert w.get("jobs", headers=headers).status_code == 403
    refused = w.post("jobs/check", {"photos": [PHOTO]}, headers=headers)
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers
    assert w.get("jobs").json()["jobs"] == []


def test_our_own_page(w):
    own = {"Origin": "http://127.0.0.1:7860", "Sec-Fetch-Site": "same-origin"}
    assert w.post("jobs/check", {"photos": [PHOTO]}, headers=own).status_code == 202


def test_no_cors(w):
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = w.client.options("/easyphoto/v1/jobs/check", headers=asked)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", None])
@pytest.mark.parametrize("path", ["v1/jobs/check", "v1/templates", "v1/persons"])
def test_only_json(w, kind, path):
    headers = {} if kind is None else {"Content-Type": kind}
    assert w.client.post(f"/easyphoto/{path}", content=b'{"photos": []}', headers=headers).status_code == 415


def test_sizes(tmp_path):
    with world(tmp_path, Access(True, max_body=20_000, max_picture=2_000)) as w:
        assert w.post("jobs/check", {"photos": [{"name": "a", "data": b64(bytes(3_000))}]}).status_code == 413
        assert w.post("jobs/check", {"photos": [{"name": "a", "data": b64(bytes(30_000))}]}).status_code == 413
        unannounced = w.client.post(
            "/easyphoto/v1/jobs/check", content=iter([b"x" * 9_000] * 3), headers={"Content-Type": "application/json"}
        )
        assert unannounced.status_code == 413
        assert w.post("jobs/check", {"photos": [{"name": "a", "data": b64(png())}]}).status_code == 202
        assert [f.name for f in w.studio.paths.jobs.glob(".request-*")] == []


@pytest.mark.parametrize(
    ("route", "empty"),
    [
        ("easyphoto_train_forward", {}),
        ("easyphoto_infer_forward", {"outputs": [], "face_id_outputs": []}),
        ("easyphoto_video_infer_forward", {"outputs": []}),
    ],
)
def test_refusals_have_the_form_that_clients_of_the_original_read(w, route, empty):
    refused = w.client.post(f"/easyphoto/{route}", content="{}", headers={"Host": "evil.example"})
    said = refused.json()
    assert refused.status_code == 403
    assert said["message"].startswith(said["problem"]) and said["remedy"] in said["message"]
    assert {name: said[name] for name in empty} == empty
    other = w.get("jobs", headers={"Host": "evil.example"}).json()
    assert "message" not in other
