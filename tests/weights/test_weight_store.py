"""Which files are there, what a fetch would do, and what other folders of the machine have already."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path
from typing import Any

import pytest
from file_server import serving
from weight_files import SHORT, listed, tensor_bytes

from easyphoto.errors import BadModel, BadRequest, MissingModel
from easyphoto.paths import Paths
from easyphoto.progress import Cancelled, Step
from easyphoto.weights import Presence, WeightCatalog, WeightFile, WeightStore, room
from easyphoto.weights.meter import Meter
from easyphoto.weights.places import WeightFolders, webui_folders
from easyphoto.weights.record import WeightRecord
from easyphoto.weights.sources import WeightSource

CONTENT = tensor_bytes()
OTHER = tensor_bytes(seed=5)


@pytest.fixture(autouse=True)
def no_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor any of the user's own folders."""
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "EASYPHOTO_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MODELSCOPE_CACHE", raising=False)


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes a socket fails."""

    def refuse(*arguments: Any, **named: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


def store_of(folder: Path, *files: WeightFile, **changes: Any) -> WeightStore:
    catalog = WeightCatalog({file.id: file for file in files})
    return WeightStore(lambda: catalog, WeightFolders(folder / "weights", folder / "models", **changes), SHORT)


def put(file: Path, content: bytes = CONTENT) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def test_a_fetch_from_the_plan_to_the_file(tmp_path: Path):
    with serving(CONTENT) as served:
        store = store_of(tmp_path, listed(CONTENT, served.address))
        plan = store.plan(["some"])
        assert (plan.bytes, plan.unknown, len(plan.download)) == (len(CONTENT), 0, 1) and served.requests == []
        steps: list[Step] = []
        (state,) = store.fetch(plan, steps.append).files
    assert state.presence is Presence.READY and not state.learnt
    assert store.path("net").read_bytes() == CONTENT
    assert store.plan(["net"]).files == () and store.plan(["net"]).there == (state.file,)
    assert "1 files to download" in str(steps[0].note) and steps[-1].note == "net"
    assert all(step.done <= step.total for step in steps)


def test_a_hash_that_is_not_public_is_learnt_and_then_holds(tmp_path: Path):
    with serving(CONTENT) as served:
        store = store_of(tmp_path, listed(CONTENT, served.address, known=False))
        assert store.plan(["net"]).unknown == 1 and "not public" in str(store.plan(["net"]).summary)
        (state,) = store.fetch(store.plan(["net"])).files
        assert state.learnt
        state.path.unlink()
        served.content, served.etag = OTHER, '"two"'
        (failure,) = store.fetch(store.plan(["net"])).failures
        assert "fetched first" in failure.problem and not state.path.exists()
        served.content = CONTENT
        assert store.fetch(store.plan(["net"])).failures == ()


def test_without_the_list_the_folders_are_known(tmp_path: Path):
    """A page whose choices lie in them comes up; only what needs the list says that it is damaged."""
    store = WeightStore.of(Paths(tmp_path, models=tmp_path / "empty"))
    assert store.folders.own == Paths(tmp_path).weights
    with pytest.raises(BadModel, match="list"):
        store.plan(["fast"])


def test_presence_is_told_without_reading(tmp_path: Path):
    store = store_of(tmp_path, listed(CONTENT))
    (file,) = store.catalog
    assert store.state(file).presence is Presence.MISSING
    with pytest.raises(MissingModel, match="weights fetch net"):
        store.path("net")
    place = put(store.folders.place(file), CONTENT[:-1])
    assert store.state(file).presence is Presence.DAMAGED
    with pytest.raises(BadModel):
        store.path("net")
    put(place)
    assert store.state(file).presence is Presence.UNCHECKED and store.path("net") == place
    assert [state.presence for state in store.verify()] == [Presence.READY]
    assert store.state(file).presence is Presence.READY
    put(place, b"x" * len(CONTENT))
    assert store.state(file).presence is Presence.UNCHECKED
    assert [state.presence for state in store.verify(["some"])] == [Presence.DAMAGED]
    assert store.state(file).presence is Presence.DAMAGED and len(store.plan(["net"]).files) == 1
    put(place)
    assert [state.presence for state in store.verify()] == [Presence.READY]


def test_offline_opens_no_socket_and_takes_what_is_there(tmp_path: Path, forbidden: None):
    cached = tmp_path / "cache" / "huggingface" / "hub" / "models--a--b"
    put(cached / "refs" / "main", b"c0ffee")
    put(cached / "snapshots" / "c0ffee" / "sub" / "net.safetensors")
    hub = WeightSource("huggingface", "a/b", "main", "sub/net.safetensors")
    known = listed(CONTENT, sources=(hub,))
    far = listed(OTHER, "https://weights.invalid/far.safetensors", id="far", name="far.safetensors")
    store = store_of(tmp_path, known, far)
    plan = store.plan(["some"])
    assert [file.id for file in plan.download] == ["far"]
    done = store.fetch(plan, offline=True)
    assert [state.file.id for state in done.files] == ["net"] and store.path("net").read_bytes() == CONTENT
    (failure,) = done.failures
    assert failure.code == "weights.offline" and "weights import" in failure.remedy
    assert [state.presence for state in store.verify()] == [Presence.READY]


def test_offline_can_be_said_for_good(tmp_path: Path, forbidden: None, monkeypatch: pytest.MonkeyPatch):
    store = store_of(tmp_path, listed(CONTENT, "https://weights.invalid/net"))
    monkeypatch.setenv("EASYPHOTO_OFFLINE", "1")
    assert [one.code for one in store.fetch(store.plan(["net"])).failures] == ["weights.offline"]


@pytest.mark.parametrize("above", ["hub/models", "hub", "models", ""])
def test_the_cache_of_the_other_hub_is_looked_through(tmp_path: Path, above: str):
    hub = WeightSource("modelscope", "damo/net_v1.1", "v1", "net.safetensors")
    put(tmp_path / "cache" / "modelscope" / above / "damo" / "net_v1___1" / "net.safetensors")
    store = store_of(tmp_path, listed(CONTENT, known=False, sources=(hub,)))
    plan = store.plan(["net"])
    assert plan.download == ()
    (state,) = store.fetch(plan, offline=True).files
    assert state.learnt and WeightRecord(store.folders.own).get("net").sha256 == hashlib.sha256(CONTENT).hexdigest()


def test_the_folders_of_a_webui_are_looked_through(tmp_path: Path):
    root = tmp_path / "webui"
    lies = put(root / "models" / "VAE" / "sub" / "net.safetensors")
    store = store_of(tmp_path, listed(CONTENT), webui=webui_folders(root))
    (planned,) = store.plan(["net"]).files
    assert planned.found == (lies,)
    (state,) = store.fetch(store.plan(["net"]), offline=True).files
    assert state.path.samefile(lies)  # linked, no second copy
    assert (
        store_of(tmp_path / "b", listed(CONTENT, known=False), webui=webui_folders(root)).plan([]).files[0].found == ()
    )


def test_a_file_of_the_same_name_that_is_another_is_not_taken(tmp_path: Path):
    root = tmp_path / "webui"
    lies = put(root / "models" / "VAE" / "net.safetensors", b"x" * len(CONTENT))
    with serving(CONTENT) as served:
        store = store_of(tmp_path, listed(CONTENT, served.address), webui=webui_folders(root))
        store.fetch(store.plan(["net"]))
    assert store.path("net").read_bytes() == CONTENT and lies.read_bytes() == b"x" * len(CONTENT)


def test_in_a_webui_its_own_files_go_where_it_finds_them(tmp_path: Path):
    webui = webui_folders(tmp_path / "webui")
    file, face = listed(CONTENT), listed(OTHER, id="face", role="detect")
    store = store_of(tmp_path, file, face, webui=webui, into_webui=True)
    assert store.folders.place(file) == tmp_path / "webui" / "models" / "VAE" / "net.safetensors"
    assert store.folders.place(face) == tmp_path / "weights" / "faces" / "face" / "net.safetensors"
    there = put(tmp_path / "webui" / "models" / "Stable-diffusion" / "net.safetensors")
    assert store.folders.place(file) == there and store.plan(["net"]).files == ()


def test_research_files_are_refused_where_business_is_done(tmp_path: Path):
    research = listed(CONTENT, commercial=False, substitutes=("free",), license="research only")
    store = store_of(tmp_path, research, listed(OTHER, id="free", groups=("other",), name="free.safetensors"))
    plan = store.plan(["some"], commercial_safe=True)
    assert [one.file.id for one in plan.files] == ["free"] and "free" in str(plan.notes[0])
    with pytest.raises(BadRequest, match="free") as caught:
        store.plan(["net"], commercial_safe=True)
    assert "research only" in caught.value.problem


def test_files_are_brought_in_a_folder(tmp_path: Path, forbidden: None):
    stick = tmp_path / "stick"
    put(stick / "a" / "other-name.safetensors")
    put(stick / "b" / "net.safetensors", OTHER)
    hubs = {name: WeightSource("modelscope", f"damo/{name}", "v1", "x/twin.pt") for name in ("one", "two")}
    twins = [
        listed(b"", known=False, id=f"net-{name}", name="twin.pt", role="detect", sources=(hub,))
        for name, hub in hubs.items()
    ]
    source = WeightSource("https", url="https://weights.invalid/other-name.safetensors")
    store = store_of(tmp_path, listed(CONTENT, sources=(source,)), *twins)
    assert [state.file.id for state in store.bring(stick).files] == ["net"]
    put(stick / "two" / "twin.pt", b"PK\x03\x04 and more")
    assert {state.file.id for state in store.bring(stick).files} == {"net", "net-two"}
    with pytest.raises(BadRequest):
        store.bring(tmp_path / "nowhere")


def test_a_failure_leaves_the_others_and_no_room_is_said_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with serving(CONTENT) as served:
        bad = listed(OTHER, "http://127.0.0.1:9/x", id="bad", name="bad.safetensors")
        store = store_of(tmp_path, bad, listed(CONTENT, served.address))
        done = store.fetch(store.plan(["some"]))
        assert [one.code for one in done.failures] == ["weights.not-fetched"] and len(done.files) == 1
        monkeypatch.setattr(room, "KEPT_FREE", 10**18)
        with pytest.raises(BadRequest, match="MB"):
            store.fetch(store.plan(["bad"]))


def test_waiting_for_another_fetch_can_be_cancelled(tmp_path: Path):
    store = store_of(tmp_path, listed(CONTENT, "http://127.0.0.1:9/x"))
    meter = Meter("fetch", 0, lambda step: None)
    (file,) = store.catalog

    def cancel(step: Step) -> None:
        if step.note == "net":
            raise Cancelled

    with store._alone(file, meter), pytest.raises(Cancelled):
        store.fetch(store.plan(["net"]), cancel)


def test_speed_and_time_left_are_those_of_the_last_seconds():
    now, steps = [0.0], []
    meter = Meter("fetch", 100_000_000, steps.append, lambda: now[0])
    meter.begin("a")
    for second in range(1, 9):
        now[0] = float(second)
        meter.at(10_000_000 * second)
    assert steps[-1].figures == {"speed": 10.0, "left": 2.0}
    assert (steps[-1].done, steps[-1].total) == (80, 100)


def test_the_list_that_ships_opens_for_a_data_folder(tmp_path: Path):
    store = WeightStore.of(Paths(tmp_path))
    assert store.state(store.catalog.file("enhancer-built-in")).presence is Presence.READY
    assert store.path("recognizer-built-in").is_file()
    assert store.plan(["faces-commercial"]).bytes > 400_000_000
