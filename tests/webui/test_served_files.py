"""No WebUI hands out what lies in our data folder, on any gradio, under any spelling; the doctor asks for himself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from host_process import KINDS, ROOT, GradioHost, running

SECRET = b"\x89PNG\r\n\x1a\n a photo of Ann, who is nobody's business"
PREFIXES = ("/file=", "/file/", "/gradio_api/file=", "/gradio_api/file/", "//file=")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", params=KINDS)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GradioHost]:
    data = prepared(tmp_path_factory.mktemp("host") / "webui")
    with running(request.param, data) as host:
        yield host


def prepared(data: Path) -> Path:
    """A WebUI's folder with files of ours and of its own, and with links as another file system would answer."""
    ours = data / ".easyphoto"
    for file in (
        ours / "persons" / "bea" / "photo.png",
        data / "models" / "Lora" / ".easyphoto" / "easyphoto-1.safetensors",
    ):
        file.parent.mkdir(parents=True)
        file.write_bytes(SECRET)
    (data / "style.css").write_text("body {}")
    for link, target in ((".EASYPHOTO", ours), ("EASYPH~1", ours), ("linked", ours / "persons"), ("whole", data)):
        (data / link).symlink_to(target, target_is_directory=True)
    (data / "photo.png").symlink_to(ours / "persons" / "bea" / "photo.png")
    return data


def spellings(data: Path) -> list[str]:
    """Ways to say the same files."""
    inside = "persons/bea/photo.png"
    plain = f"{data}/.easyphoto/{inside}"
    names = [f"{data}/{name}/{inside}" for name in (".easyphoto", ".EASYPHOTO", "EASYPH~1", "whole/.easyphoto")]
    names += [
        f"{data}/photo.png",
        f"{data}/linked/bea/photo.png",
        f"{data}/models/../.easyphoto/{inside}",
        f"{data}/models/Lora/.easyphoto/../../../.easyphoto/{inside}",
        f"{data}/.easyphoto/persons/../persons/bea/./photo.png",
        f"{data}//.easyphoto//{inside}",
        f"{data}/./.easyphoto/{inside}",
        f"/{plain}",
        f"{data}/linked/../persons/bea/photo.png",
        f"{data}/models/Lora/.easyphoto/easyphoto-1.safetensors",
        os.path.relpath(plain, ROOT),
    ]
    encoded = [quote(plain, safe=""), quote(plain).replace(".", "%2e").replace("/", "%2F"), plain.replace("e", "%65")]
    return [*map(quote, names), *encoded, quote(quote(plain, safe="")), quote(plain.upper()), f"file://{quote(plain)}"]


def test_no_spelling_gets_a_photo(host: GradioHost):
    for prefix in PREFIXES:
        for name in spellings(host.data):
            for method, headers in (("GET", {}), ("HEAD", {}), ("GET", {"Range": "bytes=0-20"})):
                status, body = host.ask(prefix + name, method, **headers)
                assert status >= 400, (host.gradio, method, prefix + name)
                assert SECRET[:20] not in body


def test_nothing_is_served_before_our_routes_are_there(host: GradioHost):
    assert not host.early


def test_everything_else_is_served_as_before(host: GradioHost):
    prefix = "/gradio_api/file=" if int(host.gradio.split(".")[0]) > 4 else "/file="
    assert host.ask(f"{prefix}{host.data}/style.css") == (200, b"body {}")
    assert host.ask("/")[0] == 200


def test_the_doctor_of_a_running_host_has_asked(host: GradioHost):
    assert host.privacy()["state"] == "ok"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("login", [(), ("--login",)], ids=["open", "login"])
def test_the_doctor_tells_the_truth_where_the_host_serves_it(kind: str, login: tuple[str, ...], tmp_path: Path):
    with running(kind, prepared(tmp_path / "webui"), "--unguarded", *login) as host:
        name = quote(f"{host.data}/.easyphoto/persons/bea/photo.png")
        served = any(host.ask(prefix + name)[0] == 200 for prefix in PREFIXES)
        found = host.privacy()
    exposed = kind != "a1111"  # gradio 3 refuses files below a dot by itself
    assert served == (exposed and not login)
    assert found["state"] == ("missing" if exposed else "ok"), found
    assert bool(found["remedy"]) == exposed
