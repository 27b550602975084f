"""The hubs' own clients fetch from the addresses that the program asks, and leave files where it looks for them."""

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from hub_server import hub
from weight_files import SHORT, listed, tensor_bytes

from easyphoto.paths import shipped_models
from easyphoto.weights import WeightSource
from easyphoto.weights.download import Download
from easyphoto.weights.places import WeightFolders

CONTENT = tensor_bytes(50_000)
# As the client's documents call it; in a process of its own, since both read their settings when they are loaded.
CLIENTS = {
    "huggingface": (
        "from huggingface_hub import hf_hub_download as fetch; print(fetch({repo!r}, {path!r}, revision={revision!r}))"
    ),
    "modelscope": (
        "from modelscope.hub.file_download import model_file_download as fetch; "
        "print(fetch({repo!r}, {path!r}, revision={revision!r}))"
    ),
}
SNAPSHOT = "from modelscope import snapshot_download as fetch; print(fetch({repo!r}, revision={revision!r}))"
PACKAGES = {"huggingface": "huggingface_hub", "modelscope": "modelscope"}


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE", "MODELSCOPE_DOMAIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "ms"))
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")


def fetched_by(code: str, source: WeightSource) -> Path:
    told = code.format(repo=source.repo, path=source.path, revision=source.revision)
    environment = {**os.environ, "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.split("\n")[-2])


def installed(name: str) -> None:
    try:
        version(PACKAGES[name])  # of the distribution: a folder of tests may bear a package's name
    except PackageNotFoundError:
        pytest.skip(f"{PACKAGES[name]} is not installed")


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("repo", ["owner/plain", "owner/v1.5"])
def test_the_client_and_the_program_fetch_the_same_from_the_same_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, repo: str
):
    installed(name)
    source = WeightSource(name, repo, "v1.0", "net.safetensors")
    file = listed(CONTENT, sources=(source,))
    with hub(source, CONTENT) as (address, asked):
        monkeypatch.setenv({"huggingface": "HF_ENDPOINT", "modelscope": "MODELSCOPE_ENDPOINT"}[name], address)
        found = fetched_by(CLIENTS[name], source)
        clients = {path for path in asked if "resolve" in path or "FilePath" in path}
        asked.clear()
        Download(file, tmp_path / "ours.safetensors", file.sha256, SHORT, lambda size: None).run()
        assert set(asked) == clients
    assert found.read_bytes() == (tmp_path / "ours.safetensors").read_bytes() == CONTENT
    lying = [place.resolve() for place in WeightFolders(tmp_path / "own", shipped_models()).elsewhere(file)]
    assert found.resolve() in lying


def test_a_snapshot_of_modelscope_is_found_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    installed("modelscope")
    source = WeightSource("modelscope", "owner/plain", "v1.0", "net.safetensors")
    with hub(source, CONTENT) as (address, _):
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", address)
        folder = fetched_by(SNAPSHOT, source)
    (place,) = WeightFolders(tmp_path / "own", shipped_models()).elsewhere(listed(CONTENT, sources=(source,)))
    assert place.resolve() == (folder / source.path).resolve() and place.read_bytes() == CONTENT
