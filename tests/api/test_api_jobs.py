"""Jobs over HTTP: made, watched, cancelled, resumed, deleted."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_world import PHOTO, TRAIN, World, b64, png, world
from fake_studio import make_person

from easyphoto.domain import PortraitRequest, TrainRequest, options_of
from easyphoto.errors import TrainingFailed


@pytest.fixture
def w(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def test_check(w):
    answer = w.post(
        "jobs/check", {"photos": [PHOTO, {"name": "bad.jpg", "data": b64(b"no picture"), "override": "drop"}]}
    )
    assert answer.status_code == 202
    assert answer.json()["state"] in ("queued", "running", "done")
    done = w.ended(answer.json())
    assert [r["verdict"] for r in done["result"]["reports"]] == ["keep", "drop"]
    assert done["files"] == ["me.png", "bad.jpg"]
    assert done["created"].endswith("+00:00")


def test_train_has_the_defaults_of_its_family(w):
    done = w.ended(w.post("jobs/train", TRAIN).json())
    assert done["result"]["person"] == "ann"
    assert done["request"]["resolution"] == 256
    given = {"person": "Bob", "consent": True, "rank": 8, "alpha": 8, "max_steps": 3}
    done = w.ended(w.post("jobs/train", {**TRAIN, "request": given}).json())
    assert (done["request"]["rank"], done["request"]["max_steps"]) == (8, 3)


def test_a_whole_number_is_a_number(w):
    make_person(w.studio.paths, "Ann")
    body = {"request": {"persons": ["ann"], "lora_weight": 1}, "templates": [PHOTO]}
    assert w.ended(w.post("jobs/portrait", body).json())["request"]["lora_weight"] == 1.0


def test_portrait_from_every_source(w):
    make_person(w.studio.paths, "Ann")
    template = w.get("templates").json()["templates"][0]
    upload = w.post("uploads", {"name": "mine.png", "data": b64(png("blue"))}).json()
    sources = [{"template": template["id"]}, {"upload": upload["id"]}, {"name": "new.png", "data": b64(png())}]
    body = {"request": {"persons": ["ann"], "seed": 5}, "templates": sources}
    done = w.ended(w.post("jobs/portrait", body).json())
    assert [p["template"] for p in done["result"]["portraits"]] == ["meadow.jpg", "mine.png", "new.png"]
    first = done["result"]["portraits"][0]
    assert first["likeness"][0]["person"] == "ann"
    assert "file" not in first
    picture = w.get(f"pictures/{first['picture']}")
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/png"
    assert picture.headers["x-content-type-options"] == "nosniff"
    assert "private" in picture.headers["cache-control"]
    assert picture.content == next(w.studio.paths.portraits.rglob("0.png")).read_bytes()


def test_no_answer_names_a_path_of_the_machine(w):
    log = str(w.studio.paths.jobs / "train-ann" / "log.txt")
    w.studio.fails = TrainingFailed(
        "plain", text=f"It broke, see {log}.", exit_code=1, last_lines=(log,), log=log, remedy=""
    )
    failed = w.ended(w.post("jobs/train", TRAIN).json())
    job = failed["id"]
    answers = [json.dumps(failed), w.get(f"jobs/{job}/log").text, w.get(f"jobs/{job}/history").text, w.get("jobs").text]
    make_person(w.studio.paths, "Ann")
    answers += [w.get(path).text for path in ("persons", "templates", "doctor", "forms", "openapi.json")]
    assert failed["error"]["problem"].startswith("It broke")
    assert not [answer for answer in answers if str(w.studio.paths.root.parent) in answer]


def test_cancel_and_resume(w):
    w.studio.gate = threading.Event()
    job = w.post("jobs/train", TRAIN).json()
    start = time.monotonic()
    assert w.post(f"jobs/{job['id']}/cancel").status_code == 200
    stopped = w.ended(job)
    assert stopped["state"] == "cancelled"
    assert time.monotonic() - start < 3
    w.studio.gate = None
    resumed = w.post(f"jobs/{job['id']}/resume")
    assert resumed.status_code == 202
    assert w.ended(job)["state"] == "done"
    assert w.post(f"jobs/{job['id']}/resume").status_code == 422


def test_delete(w):
    w.studio.gate = threading.Event()
    job = w.post("jobs/train", TRAIN).json()
    while w.get(f"jobs/{job['id']}").json()["state"] != "running":
        time.sleep(0.01)
    assert w.client.delete(f"/easyphoto/v1/jobs/{job['id']}").status_code == 409
    w.ended(job)
    assert w.client.delete(f"/easyphoto/v1/jobs/{job['id']}").json() == {"deleted": job["id"]}
    assert w.get(f"jobs/{job['id']}").status_code == 404
    assert not (w.studio.paths.jobs / job["id"]).exists()


def test_list_is_filtered(w):
    check = w.ended(w.post("jobs/check", {"photos": [PHOTO]}).json())
    train = w.ended(w.post("jobs/train", TRAIN).json())
    ids = [job["id"] for job in w.get("jobs").json()["jobs"]]
    assert sorted(ids) == sorted([check["id"], train["id"]])
    assert [j["id"] for j in w.get("jobs?kind=train&state=done").json()["jobs"]] == [train["id"]]
    assert w.get("jobs?state=queued").json()["jobs"] == []
    for wrong in ("kind=other", "limit=0", "limit=x", "limit=-1", "nonsense=1"):
        assert w.get(f"jobs?{wrong}").status_code == 422


# ---------------------------------------------------------------- events


def read_stream(text: str) -> list[tuple[int, str, dict]]:
    found = []
    for block in text.split("\n\n"):
        facts = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "data" in facts:
            found.append((int(facts["id"]), facts["event"], json.loads(facts["data"])))
    return found


def test_events_stream_to_the_end_and_go_on_after_the_last_one(w):
    w.studio.pause = 0.1
    job = w.post("jobs/check", {"photos": [PHOTO]}).json()
    answer = w.get(f"jobs/{job['id']}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    story = read_stream(answer.text)
    assert [number for number, *_ in story[:-1]] == list(range(1, len(story)))
    assert story[-1][1:] == ("end", {"state": "done"})
    steps = [event for _, _, event in story[:-1] if event["stage"]]
    assert steps[-1]["figures"] == {"loss": 0.25}
    assert w.get(f"pictures/{steps[-1]['preview']}").headers["content-type"] == "image/jpeg"
    again = read_stream(w.get(f"jobs/{job['id']}/events", headers={"Last-Event-ID": str(story[1][0])}).text)
    assert again == story[2:]
    assert w.get(f"jobs/{job['id']}/history?since=2").json()["events"] == [event for _, _, event in story[2:-1]]


def test_stream_of_a_job_that_vanishes_ends_with_a_word(w):
    w.studio.gate = threading.Event()
    job = w.post("jobs/train", TRAIN).json()["id"]
    threading.Timer(0.6, w.queue.close).start()
    story = read_stream(w.get(f"jobs/{job}/events").text)
    assert story[-1][1] in ("error", "end")


def test_events_of_nobody(w):
    assert w.get("jobs/20260101-000000-00000000/events").status_code == 404


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("path", "body", "what"),
    [
        ("jobs/check", {}, "photos is missing"),
        ("jobs/check", [], "must be an object"),
        ("jobs/check", {"photos": []}, "photos is too short"),
        ("jobs/check", {"photos": [{}]}, "photos[0]"),
        ("jobs/check", {"photos": [{"name": "../../x", "data": 5}]}, "photos[0].data"),
        ("jobs/check", {"photos": [{**PHOTO, "path": "/etc/passwd"}]}, "path is unknown"),
        ("jobs/check", {"photos": [{**PHOTO, "override": "maybe"}]}, "override"),
        ("jobs/check", {"photos": [PHOTO], "more": 1}, "more"),
        ("jobs/check", {"photos": [{"upload": "../../../etc"}]}, "upload"),
        ("jobs/train", {**TRAIN, "request": {"rank": 100000}}, "rank"),
        ("jobs/check", [["photos", [PHOTO]]], "must be an object"),
        ("jobs/train", {**TRAIN, "request": {"rank": "8"}}, "rank"),
        ("jobs/train", {**TRAIN, "request": {"rank": True}}, "rank"),
        ("jobs/train", {**TRAIN, "request": {"learning_rate": "0.001"}}, "learning_rate"),
        ("jobs/train", {**TRAIN, "request": {"learning_rate": True}}, "learning_rate"),
        ("jobs/train", {**TRAIN, "request": {"consent": 1}}, "consent"),
        ("jobs/train", {**TRAIN, "request": {"person": "Ann"}}, "consent"),
        ("jobs/train", {**TRAIN, "request": {"person": 1}}, "person"),
        ("jobs/train", {**TRAIN, "request": {"person": "a" * 2001}}, "person"),
        ("jobs/train", {**TRAIN, "request": {"person": "a\0"}}, "person"),
        ("jobs/portrait", {"request": {"persons": ["ann", 5]}, "templates": [PHOTO]}, "persons"),
        ("jobs/train", {**TRAIN, "request": {"nonsense": 1}}, "nonsense"),
        ("jobs/train", {**TRAIN, "request": {"base_model": "other"}}, "other"),
        ("jobs/portrait", {"request": {"persons": "ann"}, "templates": [PHOTO]}, "persons"),
        ("jobs/portrait", {"request": {}, "templates": [{"template": "x/../y"}]}, "template"),
    ],
)
def test_bodies_that_do_not_fit(w, path, body, what):
    answer = w.post(path, body)
    assert answer.status_code == 422
    assert what in answer.json()["problem"]
    assert set(answer.json()) >= {"kind", "problem", "stage", "file", "remedy"}
    assert w.get("jobs").json()["jobs"] == []
    assert not [f for f in w.studio.paths.jobs.iterdir() if f.is_dir()]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a": NaN}', b'{"a": "\\ud800"}'])
def test_bodies_that_are_no_json(w, body):
    answer = w.client.post("/easyphoto/v1/jobs/check", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["kind"] == "NotJson"


def test_base64_that_is_none(w):
    assert w.post("jobs/check", {"photos": [{"name": "a", "data": "!!!!"}]}).status_code == 400
    assert w.ended(
        w.post("jobs/check", {"photos": [{"name": "a", "data": "data:image/png;base64," + b64(png())}]}).json()
    )


@pytest.mark.parametrize(
    "name", ["../../../evil.png", "C:\\evil.png", "CON", "a/b:c>d", "x" * 255, "名字.png", "\u202egnp.exe"]
)
def test_hostile_picture_names_stay_names(w, name):
    done = w.ended(w.post("jobs/check", {"photos": [{**PHOTO, "name": name}]}).json())
    assert done["state"] == "done"
    assert done["files"] == [name]
    assert not list(w.studio.paths.root.parent.rglob("evil*"))


@pytest.mark.parametrize("job", ["x", "..", "%2e%2e", "..%2f..%2fetc", "CON", "a" * 300, "20260101-000000-00000000"])
def test_ids_that_are_none(w, job):
    assert w.get(f"jobs/{job}").status_code == 404
    assert w.post(f"jobs/{job}/cancel").status_code == 404
    assert w.client.delete(f"/easyphoto/v1/jobs/{job}").status_code == 404


def test_forms_and_schema_come_from_the_requests(w):
    forms = w.get("forms").json()
    for name, kind in (("train", TrainRequest), ("portrait", PortraitRequest)):
        schema = forms["requests"][name]["properties"]
        for field, rule in options_of(kind).items():
            assert schema[field]["title"] == rule.label
            assert schema[field].get("minimum") == rule.low
            assert schema[field].get("maximum") == rule.high
            assert schema[field]["default"] == getattr(kind(), field)
    assert forms["defaults"]["built-in"]["train"]["resolution"] == 256
    assert forms["base_models"] == [{"name": "built-in", "family": "built-in"}]
    assert w.get("openapi.json").json()["components"]["schemas"]["TrainRequest"] == forms["requests"]["train"]


def test_unknown_routes_and_methods_answer_in_our_words(w):
    missing = w.get("nothing")
    assert (missing.status_code, missing.json()["kind"]) == (404, "NotFound")
    wrong = w.client.put("/easyphoto/v1/jobs", json={})
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["allow"]


def test_restart_shows_the_interrupted_job(tmp_path):
    with world(tmp_path) as first:
        first.studio.gate = threading.Event()
        job = first.post("jobs/train", TRAIN).json()
        while first.get(f"jobs/{job['id']}").json()["state"] != "running":
            time.sleep(0.01)
        first.queue.close()
    with world(tmp_path) as second:
        found = second.get(f"jobs/{job['id']}").json()
        assert (found["state"], found["resumable"]) == ("interrupted", True)
        second.post(f"jobs/{job['id']}/resume")
        assert second.ended(job)["state"] == "done"


def test_a_portrait_of_nobody_we_know_is_refused_at_once(w):
    answer = w.post("jobs/portrait", {"request": {"persons": ["nobody"]}, "templates": [PHOTO]})
    assert (answer.status_code, "nobody" in answer.json()["problem"]) == (404, True)
    assert w.get("jobs").json()["jobs"] == []
