"""Whatever a server does, the final name holds the whole file or nothing, and the failure says what to do."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path

import pytest
from file_server import Exchange, serving
from small_disk import small_disk
from weight_files import SHORT, listed, tensor_bytes

from easyphoto.errors import BadRequest, EasyPhotoError, MissingModel
from easyphoto.progress import Cancelled
from easyphoto.system_errors import failure_of
from easyphoto.weights import WeightFile, room
from easyphoto.weights.download import Download, Downloaded
from easyphoto.weights.part_file import PartFile

CONTENT = tensor_bytes()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "vae" / "net.safetensors"


def fetch(file: WeightFile, place: Path, pin: str | None = None) -> Downloaded:
    return Download(file, place, file.sha256 if pin is None else pin, SHORT, lambda size: None).run()


def refused(file: WeightFile, place: Path, pin: str | None = None) -> MissingModel:
    """Nothing lies under the final name, and the user is told a way out."""
    with pytest.raises(MissingModel) as caught:
        fetch(file, place, pin)
    assert not place.exists()
    assert "weights import" in caught.value.remedy
    return caught.value


@pytest.mark.parametrize("known", [True, False])
def test_a_file_comes_whole(place: Path, known: bool):
    with serving(CONTENT) as served:
        done = fetch(listed(CONTENT, served.address, known=known), place)
    assert place.read_bytes() == CONTENT
    assert (done.sha256, done.bytes) == (SHA256, len(CONTENT))
    assert [one.name for one in place.parent.iterdir()] == [place.name]
    assert len(served.requests) == 1 and served.requests[0]["User-Agent"].startswith("easyphoto/")


@pytest.mark.parametrize("known", [True, False])
def test_a_connection_cut_at_ten_places_is_taken_up_again(place: Path, known: bool):
    step = len(CONTENT) // 10

    def cut(exchange: Exchange) -> bool:
        exchange.whole(upto=exchange.number * step if exchange.number <= 10 else None)
        return True

    with serving(CONTENT, cut) as served:
        fetch(listed(CONTENT, served.address, known=known), place)
    assert place.read_bytes() == CONTENT
    assert [one.get("Range") for one in served.requests[:2]] == [None, f"bytes={step}-"]
    assert served.requests[1]["If-Range"] == '"one"'
    assert len(served.requests) == 11


def test_a_file_that_changed_between_two_parts_is_fetched_anew(place: Path):
    old = tensor_bytes(seed=2)

    def change(exchange: Exchange) -> bool:
        if exchange.number == 1:
            exchange.served.content = old
            exchange.whole(upto=5000)
            exchange.served.content, exchange.served.etag = CONTENT, '"two"'
            return True
        return False

    with serving(CONTENT, change) as served:
        fetch(listed(CONTENT, served.address, known=False), place)
    assert place.read_bytes() == CONTENT


def test_a_server_without_ranges_and_one_without_a_version_start_again(place: Path):
    with serving(CONTENT, lambda one: one.number == 1 and not one.whole(upto=9000), ranges=False) as served:
        fetch(listed(CONTENT, served.address), place)
    assert place.read_bytes() == CONTENT
    with serving(CONTENT, lambda one: one.number == 1 and not one.whole(upto=9000), etag="") as served:
        fetch(listed(CONTENT, served.address, known=False), place.with_name("b.safetensors"))
    assert [one.get("Range") for one in served.requests] == [None, None]


def page(exchange: Exchange) -> bool:
    exchange.head(9, 200, Content_Type="text/html; charset=utf-8")
    exchange.wfile.write(b"not found")
    return True


def text(exchange: Exchange) -> bool:
    exchange.head(9, 200, Content_Type="application/octet-stream")
    exchange.wfile.write(b"not found")
    return True


def loop(exchange: Exchange) -> bool:
    exchange.head(0, 302, Location=exchange.served.address)
    return True


def endless(exchange: Exchange) -> bool:
    exchange.head(None)
    exchange.wfile.write(CONTENT * 2)
    return True


def nothing(exchange: Exchange) -> bool:
    exchange.close_connection = True
    return True


def zipped(exchange: Exchange) -> bool:
    exchange.head(len(CONTENT), Content_Encoding="gzip")
    exchange.wfile.write(CONTENT)
    return True


def status(code: int, **headers: str) -> object:
    return lambda exchange: not exchange.head(0, code, **headers)


@pytest.mark.parametrize(
    ("fault", "known", "words", "requests"),
    [
        (page, True, "sends a page", 1),
        (page, False, "sends a page", 1),
        (text, True, f"9 bytes, not of {len(CONTENT)}", 1),
        (text, False, "no .safetensors file", 1),
        (loop, True, "redirects without end", 5),
        (endless, True, "bytes, not of", 1),
        (endless, False, "how long", 1),
        (nothing, True, "broke off", 2),
        (zipped, True, "sends a page", 1),
        (status(404), True, "answers 404", 1),
        (status(403), True, "answers 403", 1),
        (status(416), True, "answers 416", 2),
        (status(503, Retry_After="0"), True, "answers 503", 2),
    ],
)
def test_what_is_no_file_never_gets_its_name(place: Path, fault, known: bool, words: str, requests: int):
    with serving(CONTENT, fault) as served:
        error = refused(listed(CONTENT, served.address, known=known), place)
    assert words in error.problem and served.address in error.remedy
    assert len(served.requests) == requests


def test_a_wrong_file_of_the_right_length_never_gets_its_name(place: Path):
    with serving(tensor_bytes(seed=3)) as served:
        error = refused(listed(CONTENT, served.address), place)
        assert "not the file of the list" in error.problem
        assert "fetched first" in refused(listed(CONTENT, served.address, known=False), place, SHA256).problem
    assert list(place.parent.iterdir()) == []


def test_a_damaged_part_is_thrown_away_and_the_file_fetched_whole(place: Path):
    part = PartFile(place)
    place.parent.mkdir()
    part.file.write_bytes(b"x" * 5000)
    with serving(CONTENT) as served:
        fetch(listed(CONTENT, served.address), place)
    assert place.read_bytes() == CONTENT
    assert [one.get("Range") for one in served.requests] == ["bytes=5000-", None]


@pytest.mark.parametrize("size", [len(CONTENT), len(CONTENT) + 7])
def test_a_part_that_is_whole_or_too_long(place: Path, size: int):
    place.parent.mkdir()
    PartFile(place).file.write_bytes((CONTENT + b"x" * 7)[:size])
    with serving(CONTENT) as served:
        fetch(listed(CONTENT, served.address), place)
    assert place.read_bytes() == CONTENT
    assert len(served.requests) == (0 if size == len(CONTENT) else 2)  # 416, then the whole


def test_the_next_source_is_asked(place: Path):
    with serving(CONTENT, status(404)) as bad, serving(CONTENT) as good:
        done = fetch(listed(CONTENT, bad.address, good.address), place)
    assert place.read_bytes() == CONTENT and done.host in good.address
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}/net"
        assert "does not answer" in refused(listed(CONTENT, dead), place.with_name("c")).problem


def test_a_slow_drip_is_left_for_the_next_source_which_goes_on_from_there(place: Path):
    with serving(CONTENT, lambda one: not one.drip(400, 0.05)) as slow, serving(CONTENT) as good:
        fetch(listed(CONTENT, slow.address, good.address), place)
    assert place.read_bytes() == CONTENT
    assert int(good.requests[0]["Range"].removeprefix("bytes=").removesuffix("-")) > 0
    assert "If-Range" not in good.requests[0]  # the other server knows its file by another name


def test_a_server_that_falls_silent_is_not_waited_for(place: Path):
    quick = type(SHORT)(**{**SHORT.__dict__, "timeout": 0.2, "attempts": 1, "worth": 10**9})
    with serving(CONTENT, lambda one: not one.drip(4000, 1.0)) as served, pytest.raises(MissingModel):
        Download(listed(CONTENT, served.address), place, SHA256, quick, lambda size: None).run()
    assert not place.exists()


def test_cancelling_keeps_what_has_come(place: Path):
    def beat(size: int) -> None:
        if size > 20_000:
            raise Cancelled

    with serving(CONTENT, lambda one: one.number == 1 and not one.drip(8000, 0.005)) as served:
        file = listed(CONTENT, served.address)
        with pytest.raises(Cancelled):
            Download(file, place, SHA256, SHORT, beat).run()
        assert not place.exists() and PartFile(place).size > 20_000
        fetch(file, place)
    assert place.read_bytes() == CONTENT and served.requests[1]["Range"] != "bytes=0-"


def test_a_disk_without_room_is_said_before_a_byte_is_written(place: Path):
    with serving(CONTENT) as served:
        file = listed(CONTENT, served.address, bytes=None, sha256="")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(room, "KEPT_FREE", 10**18)
            with pytest.raises(BadRequest, match="free"):
                fetch(file, place)
    assert list(place.parent.iterdir()) == []


def test_a_disk_that_fills_up_leaves_no_file_and_gives_room_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    content = tensor_bytes(3_000_000)
    monkeypatch.setattr(room, "check_room", lambda place, needed: None)
    monkeypatch.setattr("easyphoto.weights.download.check_room", lambda place, needed: None)
    with small_disk(tmp_path / "disk", 2) as disk, serving(content) as served:
        place = disk / "net.safetensors"
        with pytest.raises(OSError) as caught:
            fetch(listed(content, served.address), place)
        failure = failure_of(caught.value)
        assert isinstance(failure, EasyPhotoError) and failure.code == "system.disk-full" and failure.remedy
        assert not place.exists() and PartFile(place).size == 0


def test_the_proxy_of_the_environment_is_used(place: Path, monkeypatch: pytest.MonkeyPatch):
    with serving(CONTENT) as proxy:
        monkeypatch.setenv("http_proxy", proxy.address.rpartition("/")[0])
        monkeypatch.setenv("no_proxy", "")
        fetch(listed(CONTENT, "http://weights.invalid/net.safetensors"), place)
    assert place.read_bytes() == CONTENT and proxy.requests[0]["Host"] == "weights.invalid"
