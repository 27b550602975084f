"""Persons, templates, uploads and pictures over HTTP; hostile ids, files and zips."""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_world import PHOTO, TRAIN, World, b64, png, world
from fake_studio import make_person

import easyphoto.library.uploads as uploads_module


@pytest.fixture
def w(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def ann(w: World) -> dict:
    make_person(w.studio.paths, "Ann B")
    return w.get("persons").json()["persons"][0]


def delete(w: World, path: str, body: object = None):
    return w.client.request("DELETE", f"/easyphoto/v1/{path}", **({} if body is None else {"json": body}))


# ---------------------------------------------------------------- persons


def test_a_person_is_told(w, ann):
    assert (ann["id"], ann["name"], ann["photos"], ann["distance"]) == ("ann-b", "Ann B", 1, None)
    assert ann["bytes"] > 100
    assert w.get(f"pictures/{ann['reference']}").headers["content-type"] == "image/png"
    assert w.get("persons/ann-b").json() == ann
    assert w.get("persons/ann-b/report").status_code == 404


def test_rename(w, ann):
    answer = w.client.patch("/easyphoto/v1/persons/ann-b", json={"name": "安娜"})
    assert (answer.status_code, answer.json()["name"], answer.json()["id"]) == (200, "安娜", "ann-b")
    assert w.client.patch("/easyphoto/v1/persons/ann-b", json={"name": " "}).status_code == 422
    make_person(w.studio.paths, "Bob")
    assert w.client.patch("/easyphoto/v1/persons/bob", json={"name": "安娜"}).status_code == 409


def test_delete_wants_the_name_and_takes_the_jobs_along(w):
    job = w.ended(w.post("jobs/train", TRAIN).json())
    assert delete(w, "persons/ann").status_code == 415
    assert delete(w, "persons/ann", {}).status_code == 422
    assert delete(w, "persons/ann", {"name": "ann"}).status_code == 422
    removed = delete(w, "persons/ann", {"name": "Ann"})
    assert removed.status_code == 200
    assert removed.json()["files"] >= 3
    assert w.get("persons/ann").status_code == 404
    assert w.get(f"jobs/{job['id']}").status_code == 404
    assert not list(w.studio.paths.root.rglob("*.jpg"))


def test_export_and_import(w, ann):
    answer = w.get("persons/ann-b/export")
    assert answer.headers["content-type"] == "application/zip"
    assert "EasyPhoto%20Ann%20B.zip" in answer.headers["content-disposition"]
    assert w.post("persons", {"data": b64(answer.content)}).status_code == 409
    delete(w, "persons/ann-b", {"name": "Ann B"})
    back = w.post("persons", {"data": b64(answer.content)})
    assert (back.status_code, back.json()["name"]) == (201, "Ann B")
    delete(w, "persons/ann-b", {"name": "Ann B"})
    upload = w.post("uploads", {"name": "ann.zip", "data": b64(answer.content)}).json()
    assert w.post("persons", {"upload": upload["id"]}).status_code == 201
    assert not list(w.studio.paths.jobs.glob(".request-*"))


def _zip(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"no zip at all", b"PK\x05\x06" + bytes(18), _zip(**{"../../../evil.txt": b"x"}), _zip(**{"person.json": b"{}"})],
)
def test_hostile_zips(w, data):
    answer = w.post("persons", {"data": b64(data)})
    assert answer.status_code == 422
    assert w.get("persons").json()["persons"] == []
    assert not list(w.studio.paths.root.parent.rglob("evil*"))
    assert not list(w.studio.paths.jobs.glob(".request-*"))


@pytest.mark.parametrize("person", ["%2e%2e", "..%2f..%2fx", "CON", "a:b>c", "x" * 300, "😀", "%00"])
def test_hostile_person_ids(w, ann, person):
    assert w.get(f"persons/{person}").status_code in (404, 422)
    assert w.get(f"persons/{person}/export").status_code in (404, 422)
    assert delete(w, f"persons/{person}", {"name": person}).status_code in (404, 422)
    assert w.get("persons").json()["persons"] == [ann]


# ---------------------------------------------------------------- templates and uploads


def test_templates(w):
    shipped = w.get("templates").json()["templates"]
    assert [(t["name"], t["own"]) for t in shipped] == [("meadow", False)]
    added = w.post("templates", {"name": "../../My Garden.png", "data": b64(png("blue"))})
    assert added.status_code == 201
    own = added.json()
    assert own["own"]
    assert [f.parent for f in w.studio.paths.root.rglob("*arden*")] == [w.studio.paths.templates]
    assert w.get(f"pictures/{own['picture']}").status_code == 200
    assert delete(w, f"templates/{shipped[0]['id']}").status_code == 403
    assert delete(w, f"templates/{own['id']}").json() == {"deleted": own["id"]}
    assert delete(w, f"templates/{own['id']}").status_code == 404
    assert w.get(f"pictures/{own['picture']}").status_code == 404


@pytest.mark.parametrize("data", [b"no picture", b"<svg onload='alert(1)'/>", png()[:50]])
def test_what_is_no_template(w, data):
    answer = w.post("templates", {"name": "x.png", "data": b64(data)})
    assert (answer.status_code, answer.json()["kind"]) == (422, "BadPicture")
    assert len(w.get("templates").json()["templates"]) == 1


def test_uploads_last_a_day(w, monkeypatch):
    first = w.post("uploads", {"name": "me.png", "data": b64(png())}).json()
    assert first["bytes"] == len(png())
    assert w.ended(w.post("jobs/check", {"photos": [{"upload": first["id"]}]}).json())["files"] == ["me.png"]
    second = w.post("uploads", {"name": "b", "data": b64(png())}).json()
    assert delete(w, f"uploads/{second['id']}").status_code == 200
    assert delete(w, f"uploads/{second['id']}").status_code == 404
    monkeypatch.setattr(uploads_module, "KEEP_SECONDS", -1.0)
    time.sleep(0.01)
    w.post("uploads", {"name": "c", "data": b64(png())})
    assert w.post("jobs/check", {"photos": [{"upload": first["id"]}]}).status_code == 404


def test_what_a_crash_left_is_swept(w, monkeypatch):
    left = w.studio.paths.jobs / ".request-old"
    left.mkdir()
    (left / "0").write_bytes(png())
    w.post("jobs/check", {"photos": [PHOTO]})
    assert left.exists()
    os.utime(left, (1, 1))
    w.post("jobs/check", {"photos": [PHOTO]})
    assert not left.exists()


def test_uploads_have_a_limit(w, monkeypatch):
    monkeypatch.setattr(uploads_module, "MOST", 1)
    assert w.post("uploads", PHOTO).status_code == 201
    assert w.post("uploads", PHOTO).status_code == 429


# ---------------------------------------------------------------- pictures


@pytest.mark.parametrize(
    "token", ["x", "..", "%2e%2e%2f", "A" * 24, "../../../../etc/passwd", "persons/ann/reference.png"]
)
def test_picture_tokens_that_are_none(w, token):
    assert w.get(f"pictures/{token}").status_code == 404


def test_only_pictures_of_ours_get_a_token(w, tmp_path):
    from easyphoto.picture_tokens import Pictures

    pictures = Pictures(w.studio.paths)
    (tmp_path / "outside.png").write_bytes(png())
    assert pictures.token(tmp_path / "outside.png") is None
    inside = w.studio.paths.root / "a.png"
    inside.symlink_to(tmp_path / "outside.png")
    assert pictures.token(inside) is None
    inside.unlink()
    inside.write_bytes(png())
    token = pictures.token(inside)
    assert Pictures(w.studio.paths).token(inside) == token
    assert w.get(f"pictures/{token}").status_code == 200
    inside.write_text("<script>alert(1)</script>")
    assert w.get(f"pictures/{token}").status_code == 404
    inside.unlink()
    inside.symlink_to(tmp_path / "outside.png")
    assert w.get(f"pictures/{token}").status_code == 404


def test_doctor(w):
    found = w.get("doctor").json()
    assert {"easyphoto", "python", "numpy"} <= {finding["name"] for finding in found["findings"]}
    assert found["ok"] == all(finding["state"] != "missing" for finding in found["findings"])
