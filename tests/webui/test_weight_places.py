"""Inside a WebUI files that it uses itself are looked for, and fetched, where it finds them."""

from __future__ import annotations

from pathlib import Path

import pytest
from extension_world import FakeHost, open_host

from easyphoto.paths import Paths
from easyphoto.webui.weight_places import host_store


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    return open_host(tmp_path, monkeypatch)


def test_the_hosts_folders_go_before_ours(host: FakeHost, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    host.flags.ckpt_dir, host.flags.vae_dir = str(tmp_path / "elsewhere"), None
    store = host_store(Paths(tmp_path / ".easyphoto"))
    place = {name: store.folders.place(store.catalog.file(name)) for name in ("sd15-base", "sd15-vae", "gpen-512")}
    assert place["sd15-base"] == tmp_path / "elsewhere" / "v1-5-pruned-emaonly.safetensors"
    assert place["sd15-vae"].parent == Path(host.data) / "models" / "VAE"
    assert place["gpen-512"] == tmp_path / ".easyphoto" / "weights" / "faces" / "gpen-512" / "pytorch_model.pt"
