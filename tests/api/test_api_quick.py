"""Quick portraits over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_world import PHOTO, World, b64, png, world


@pytest.fixture
def w(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def body(**changes: object) -> dict[str, object]:
    request = {"consent": True, "portrait": {"seed": 5}}
    return {
        "request": request,
        "photos": [PHOTO],
        "templates": [{"name": "t.png", "data": b64(png("blue"))}],
        **changes,
    }


def test_portraits_from_photos_alone(w):
    template = w.get("templates").json()["templates"][0]
    upload = w.post("uploads", {"name": "also me.png", "data": b64(png("green"))}).json()
    sources = [{"template": template["id"]}, {"name": "new.png", "data": b64(png("blue"))}]
    answer = w.post("jobs/quick", body(photos=[PHOTO, {"upload": upload["id"]}], templates=sources))
    assert answer.status_code == 202, answer.text
    done = w.ended(answer.json())
    assert (done["state"], done["kind"]) == ("done", "quick")
    assert done["files"] == ["me.png", "also me.png", "meadow.jpg", "new.png"]
    assert [made["template"] for made in done["result"]["portraits"]] == ["meadow.jpg", "new.png"]
    assert [photo["name"] for photo in done["result"]["reports"]] == ["me.png", "also me.png"]
    assert done["result"]["warnings"][0]["text"].startswith("Only 2 photos")
    assert w.get(f"pictures/{done['result']['portraits'][0]['picture']}").headers["content-type"] == "image/png"
    assert w.get("persons").json()["persons"] == []


def test_it_has_the_defaults_of_its_family(w):
    done = w.ended(w.post("jobs/quick", body()).json())
    asked = done["request"]["portrait"]
    assert (asked["seed"], asked["second_pass"], asked["base_model"]) == (5, False, "built-in")
    assert done["request"]["consent"] is True
    w.ended(w.post("jobs/quick", body(request={"consent": True})).json())


def test_the_templates_skin_can_be_kept(w):
    kept = body(request={"consent": True, "portrait": {"keep_template_skin": True}})
    asked = [w.ended(w.post("jobs/quick", one).json())["request"]["portrait"] for one in (body(), kept)]
    assert [one["keep_template_skin"] for one in asked] == [False, True]


def test_progress_is_told_as_that_of_other_jobs(w):
    job = w.post("jobs/quick", body()).json()
    story = w.get(f"jobs/{job['id']}/events").text
    assert "event: end" in story and '"check photos"' in story and '"portrait"' in story
    assert [one["id"] for one in w.get("jobs?kind=quick").json()["jobs"]] == [job["id"]]


def test_forgetting_it_with_its_results_deletes_its_portraits(w):
    job = w.ended(w.post("jobs/quick", body()).json())
    assert list(w.studio.paths.portraits.rglob("*.png"))
    assert w.client.delete(f"/easyphoto/v1/jobs/{job['id']}?results=true").status_code == 200
    assert not list(w.studio.paths.portraits.rglob("*.png"))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"request": {}}, "consent"),
        ({"request": {"consent": False}}, "consent"),
        ({"request": {"consent": 1}}, "consent"),
        ({"request": {"consent": True, "seed": 3}}, "seed"),
        ({"request": {"consent": True, "portrait": {"seed": "3"}}}, "seed"),
        ({"request": {"consent": True, "portrait": {"seed": -2}}}, "seed"),
        ({"request": {"consent": True, "portrait": []}}, "portrait"),
        ({"request": {"consent": True, "portrait": {"persons": ["ann"]}}}, "persons of the library"),
        ({"request": {"consent": True, "portrait": {"base_model": "other"}}}, "other"),
        ({"photos": []}, "photos"),
        ({"templates": []}, "no picture"),  # but for one that is drawn
        ({"photos": [{"template": "0" * 24}]}, "photos[0]"),
        ({"templates": [{**PHOTO, "override": "keep"}]}, "override"),
        ({"more": 1}, "more"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_stored(w, changes, what):
    answer = w.post("jobs/quick", body(**changes))
    assert answer.status_code == 422
    assert what in answer.json()["problem"]
    assert w.get("jobs").json()["jobs"] == []
    assert not [file for file in w.studio.paths.jobs.iterdir() if file.is_dir()]


def test_the_document_has_one_portrait_request(w):
    schemas = w.get("openapi.json").json()["components"]["schemas"]
    assert "PortraitRequest" in str(schemas["QuickRequest"]["properties"]["portrait"])
    assert [name for name in schemas if "PortraitRequest" in name] == ["PortraitRequest"]
