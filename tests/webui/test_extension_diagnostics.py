"""What the doctor says inside a WebUI."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from extension_world import FakeHost, HostsEngine, open_host

from easyphoto.diagnostics import Finding
from easyphoto.engines.webui import controlnet_units
from easyphoto.engines.webui import host as host_module
from easyphoto.engines.webui.host_kinds import A1111, FORGE_NEO
from easyphoto.errors import MissingModel
from easyphoto.paths import Paths
from easyphoto.webui import diagnostics
from easyphoto.webui.file_guard import FileGuard
from easyphoto.webui.host_application import HostApplication
from easyphoto.weights import WeightStore


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    monkeypatch.setattr(host_module, "current_host", lambda: SimpleNamespace(kind=FORGE_NEO))
    monkeypatch.setattr(
        controlnet_units, "why_absent", lambda host: MissingModel("plain", text="It is gone.", remedy="Bring it back.")
    )
    return open_host(tmp_path, monkeypatch)


def house_in(root: Path, *names: str) -> Any:
    engine = HostsEngine(lambda: "")
    engine.names = list(names)
    paths = Paths(root / ".easyphoto")
    guard = FileGuard(lambda: (paths.root,))
    return SimpleNamespace(
        studio=SimpleNamespace(paths=paths, engine=engine, weights=WeightStore.of(paths)),
        application=HostApplication(guard),
    )


def examined(root: Path, *names: str) -> dict[str, Finding]:
    return {finding.name: finding for finding in diagnostics.examine(house_in(root, *names))}


def test_the_host_and_its_models(host: FakeHost, tmp_path: Path):
    found = examined(tmp_path, "dream", "other")
    assert found["webui"].value == "Forge Neo 1.10.1"
    assert found["checkpoints"].value == "2 usable"
    assert found["lora"].state == "-"
    assert found["reach"].state == "ok"
    assert (found["controlnet"].state, found["controlnet"].remedy) == ("-", "Bring it back.")


def test_a_source_that_is_gone_is_told_before_a_new_installation_fails(
    host: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert "sources" not in examined(tmp_path)
    monkeypatch.setattr(host_module, "current_host", lambda: SimpleNamespace(kind=A1111))
    monkeypatch.delenv("STABLE_DIFFUSION_REPO", raising=False)
    found = examined(tmp_path)["sources"]
    assert "Stability-AI/stablediffusion" in found.value
    assert "STABLE_DIFFUSION_REPO" in found.remedy
    monkeypatch.setenv("STABLE_DIFFUSION_REPO", "https://github.com/w-e-w/stablediffusion.git")
    assert "sources" not in examined(tmp_path)


def test_what_is_missing_says_what_to_do(host: FakeHost, tmp_path: Path):
    assert "models/Stable-diffusion" in examined(tmp_path)["checkpoints"].remedy
    del host.flags.lora_dir
    assert "Lora" in examined(tmp_path)["lora"].remedy


def test_a_lora_folder_is_written_to_before_it_is_called_good(
    host: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = Path(host.flags.lora_dir)
    folder.mkdir(parents=True)
    assert examined(tmp_path, "dream")["lora"].state == "ok"
    monkeypatch.setattr(diagnostics, "writable", lambda place: place != folder)
    found = examined(tmp_path, "dream")["lora"]
    assert (found.state, str(folder) in found.value, "--lora-dir" in found.remedy) == ("missing", True, True)


def test_a_user_of_the_webui_is_not_told_to_install_what_trains(host: FakeHost, tmp_path: Path):
    found = examined(tmp_path, "dream")
    assert not {"diffusers", "peft", "transformers", "accelerate", "rich", "base model"} & set(found)
    assert not [
        finding for finding in found.values() if "pip install" in finding.remedy or "start.py" in finding.remedy
    ]


def test_the_trainer_is_there_once_it_was_made(tmp_path: Path):
    paths = Paths(tmp_path / ".easyphoto")
    assert diagnostics.training(paths).state == "-"
    (paths.trainer / "for-0123456789").mkdir(parents=True)
    assert diagnostics.training(paths).state == "-"
    (paths.trainer / "for-0123456789" / "complete.json").touch()
    assert diagnostics.training(paths).state == "ok"


def test_which_controlnet_serves_which_hint(host: FakeHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    names = ["control_v11p_sd15_canny_fp16 [12345678]", "control_sd15_canny", "unknown"]
    installed = SimpleNamespace(models=lambda: dict.fromkeys(names, tmp_path), folder="models/ControlNet")
    monkeypatch.setattr(controlnet_units, "why_absent", lambda host: None)
    monkeypatch.setattr(controlnet_units, "ControlNetModels", lambda host: installed)
    found = {finding.name: finding for finding in diagnostics.controlnet()}
    assert found["controlnet"].value.endswith("3 models")
    assert found["canny for sd15"].value == names[0]
    assert found["tile for sd15"].state == "-"
    assert "control_v11f1e_sd15_tile" in found["tile for sd15"].remedy
    assert "color for sdxl" not in found
