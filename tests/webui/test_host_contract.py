"""What we use of a host is in its sources: `python start.py test-host PATH` shows whether an update of it breaks us."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from host_sources import CONTROLNETS, NETWORKS, HostSources

SOURCES = "EASYPHOTO_WEBUI_SOURCES"  # checkouts of hosts, separated as in PATH
PLACES = [Path(one) for one in os.environ.get(SOURCES, "").split(os.pathsep) if one and Path(one, "modules").is_dir()]
INTERFACES = Path(__file__).parent / "interfaces"


@pytest.fixture(params=PLACES or [None], ids=lambda place: place.name if place else "none")
def host(request: pytest.FixtureRequest) -> HostSources:
    if request.param is None:
        pytest.skip(f"{SOURCES} names no checkout of a host")
    return HostSources(request.param)


@pytest.fixture
def facts(host: HostSources) -> dict[str, Any]:
    """What was recorded of that kind of host, on which the fakes are made."""
    return json.loads((INTERFACES / f"{host.kind}.json").read_text(encoding="utf-8"))


MODULES = ("sd_models", "sd_samplers", "sd_vae", "shared", "call_queue", "extensions")


@pytest.mark.parametrize("module", MODULES)
def test_modules_have_the_names(host: HostSources, facts: dict[str, Any], module: str):
    assert set(facts[module]["module"]) - host.names(f"modules/{module}.py") == set()


def test_a_job_is_described_and_done_as_recorded(host: HostSources, facts: dict[str, Any]):
    file = "modules/processing.py"
    known = {*host.fields(file, "StableDiffusionProcessing"), *host.fields(file, "StableDiffusionProcessingImg2Img")}
    recorded = {name.rstrip("=") for name in facts["processing"]["StableDiffusionProcessingImg2Img"]}
    assert recorded - known - {"scheduler"} == set(), "without schedulers samplers have joined names"
    assert set(facts["processing"]["Processed"]) - host.attributes(file, "Processed") == set()
    attributes = host.attributes(file, "StableDiffusionProcessing")
    used = {*facts["processing"]["StableDiffusionProcessing"], "comment", "batch_size"} - {"scheduler"}
    assert used - attributes == set()
    assert host.parameters(file, "process_images") == facts["processing"]["process_images"]


def test_scripts_are_called_as_recorded(host: HostSources, facts: dict[str, Any]):
    file, recorded = "modules/scripts.py", facts["scripts"]
    for name, parameters in recorded["Script"]["methods"].items():
        assert host.parameters(file, name, "Script") == parameters, name
    assert set(recorded["ScriptRunner"]["attributes"]) - host.attributes(file, "ScriptRunner") == set()
    assert set(recorded["module"]) - host.names(file) == set()
    assert host.parameters(file, "postprocess_image_after_composite", "Script") == ["p", "pp", "*args"]


MOVING = ("reload_model_weights", "send_model_to_cpu", "send_model_to_device")
USED = {"a1111": MOVING, "forge": (), "forge_neo": (), "reforge": MOVING[:1]}
"""Functions that are called with arguments, or whose order matters."""


def test_models_are_loaded_and_moved_as_recorded(host: HostSources, facts: dict[str, Any]):
    file = "modules/sd_models.py"
    for name in USED[host.kind]:
        parameters = facts["sd_models"]["functions"][name]
        assert host.parameters(file, name) == parameters, name
    assert set(facts["sd_models"]["CheckpointInfo"]) - host.attributes(file, "CheckpointInfo") == set()
    assert set(facts["sd_models"]["SdModelData"]) - host.attributes(file, "SdModelData") == set()


def test_options_and_state_are_there(host: HostSources, facts: dict[str, Any]):
    state = host.attributes("modules/shared_state.py", "State")
    assert set(facts["shared"]["State"]["attributes"]) - state == set()
    text = host.text("modules", "modules_forge", "extensions-builtin", "extensions/sd-webui-controlnet")
    later = {"sd_checkpoint_hash", "list_hidden_files"}  # written by the host, or of later versions
    names = [name for name in facts["shared"]["options"] if not name.startswith("control_net_") and name not in later]
    assert [name for name in names if f'"{name}"' not in text and f"'{name}'" not in text] == []


def test_loras_are_listed_as_recorded(host: HostSources, facts: dict[str, Any]):
    folder = next(place for place in NETWORKS if host.has(f"{place}/networks.py"))
    names = host.names(f"{folder}/networks.py")
    assert set(facts["networks"]["module"]) - names - {"update_available_networks_by_names"} == set()
    assert {"update_available_networks_by_names", "list_available_networks"} & names
    entry = host.attributes(f"{folder}/network.py", "NetworkOnDisk")
    assert set(facts["networks"]["NetworkOnDisk"]) - entry == set()


def test_units_of_controlnet_are_as_recorded(host: HostSources, facts: dict[str, Any]):
    folder = next((place for place in CONTROLNETS if host.has(f"{place}/scripts/controlnet.py")), None)
    if folder is None:
        pytest.skip("this checkout has no ControlNet")
    file = f"{folder}/{'lib_controlnet' if 'builtin' in folder else 'internal_controlnet'}/external_code.py"
    known = set(host.fields(file, "ControlNetUnit"))
    used = {"enabled", "module", "model", "image", "weight", "resize_mode", "control_mode", "pixel_perfect"}
    recorded = {name.rstrip("=") for name in facts["controlnet"]["unit"]}
    optional = {"image_fg", "type_filter"} & recorded
    assert (used | optional | {"guidance_start", "guidance_end"}) - known == set()
    if host.kind == "reforge":
        assert {"ResizeMode", "ControlMode"} <= host.names(file)
