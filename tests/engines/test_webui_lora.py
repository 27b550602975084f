"""LoRAs in a host of recorded interfaces: they are applied whole or there is no picture."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fake_webui import FakeWebui
from lora_files import numbered_modules, write_lora
from safetensors import deserialize

from easyphoto.domain import LoraUse, RenderJob
from easyphoto.engines.webui.engine import WebuiEngine
from easyphoto.engines.webui.lora import name_of, write_anonymous
from easyphoto.engines.webui.lora_folder import FOLDER
from easyphoto.errors import BadModel, NoStorage, RenderFailed
from easyphoto.progress import silent
from easyphoto.tensor_file import read_header


def a_lora(file: Path, modules: int = 3, **metadata: str) -> Path:
    return write_lora(file, numbered_modules(modules), 1.0, **metadata)


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    return a_lora(tmp_path / "person" / "Anna.safetensors", ss_output_name="Anna", ss_v2="False")


def with_lora(job: RenderJob, file: Path, weight: float = 0.9) -> RenderJob:
    return replace(job, loras=(LoraUse(file, weight),))


def copy_of(host: FakeWebui, lora: Path) -> Path:
    return Path(host.shared.cmd_opts.lora_dir) / FOLDER / f"{name_of(lora)}.safetensors"


def test_a_lora_is_copied_listed_and_worn_by_a_tag(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, lora: Path
):
    engine.render(with_lora(host_job, lora), silent)
    assert webui.calls[0].prompt == f"1person <lora:{name_of(lora)}:0.9>"
    assert copy_of(webui, lora).is_file()
    engine.render(with_lora(host_job, lora, 0.0), silent)
    assert webui.calls[1].prompt.endswith(":0>")


def test_the_copy_has_the_tensors_and_does_not_tell_of_the_person(lora: Path, tmp_path: Path):
    target = tmp_path / "x" / "copy.safetensors"
    write_anonymous(lora, target)
    before, after = deserialize(lora.read_bytes()), deserialize(target.read_bytes())
    assert sorted(after, key=str) == sorted(before, key=str)
    assert read_header(target).metadata == {"ss_v2": "False"}
    assert b"Anna" not in target.read_bytes()
    assert list(target.parent.iterdir()) == [target]


def test_other_content_has_another_name_so_that_no_cache_of_the_host_is_stale(lora: Path, tmp_path: Path):
    first = name_of(lora)
    a_lora(lora, 4)
    assert name_of(lora) != first
    assert first.startswith("easyphoto-")
    assert not set(first) & set(":,<>")


def test_a_damaged_file_never_reaches_the_host(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, lora: Path):
    lora.write_bytes(lora.read_bytes()[:-4])
    with pytest.raises(BadModel):
        engine.render(with_lora(host_job, lora), silent)
    assert webui.calls == []
    assert not copy_of(webui, lora).exists()


def test_hidden_folders_are_shown_to_the_host_for_its_look_only(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, lora: Path
):
    webui.options.data["list_hidden_files"] = False
    engine.render(with_lora(host_job, lora), silent)
    assert webui.options.data["list_hidden_files"] is False


def test_a_lora_that_the_host_does_not_list_stops_before_painting(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, lora: Path
):
    webui.networks.update_available_networks_by_names = lambda names: None
    with pytest.raises(RenderFailed, match="does not list"):
        engine.render(with_lora(host_job, lora), silent)
    assert webui.calls == []


def test_a_host_that_can_only_list_all_files_lists_all(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, lora: Path
):
    """Forge Classic."""
    look = webui.networks.update_available_networks_by_names
    del webui.networks.update_available_networks_by_names
    webui.networks.list_available_networks = lambda: look([name_of(lora)])
    engine.render(with_lora(host_job, lora), silent)
    assert name_of(lora) in webui.networks.available_networks


def test_anothers_file_of_that_name_does_not_pass_for_ours(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, lora: Path
):
    engine.render(with_lora(host_job, lora), silent)
    other = a_lora(Path(webui.shared.cmd_opts.lora_dir) / "other" / f"{name_of(lora)}.safetensors")
    entry = webui.networks.available_network_aliases[name_of(lora)]
    entry.filename = str(other)
    webui.networks.update_available_networks_by_names = lambda names: None
    with pytest.raises(RenderFailed, match="does not list"):
        engine.render(with_lora(host_job, lora), silent)


@pytest.mark.parametrize("layers", [0, 2, 4])
def test_modules_that_found_no_layer_are_counted(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, lora: Path, layers: int
):
    webui.layers = layers
    with pytest.raises(BadModel, match=rf"Only {layers} of the LoRA's 3"):
        engine.render(with_lora(host_job, lora), silent)


def test_a_lora_the_host_passed_over_gives_no_picture(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, lora: Path
):
    webui.during = lambda p: webui.networks.loaded_networks.clear()
    if webui.forge:
        webui.during = lambda p: (webui.networks.loaded_networks.clear(), webui._wear(""))
    with pytest.raises(BadModel, match="Only 0"):
        engine.render(with_lora(host_job, lora), silent)


def test_layers_of_another_size_are_remarked_by_the_host_alone(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, lora: Path
):
    webui.remarks = [f"Networks with errors: {name_of(lora)} (7)"]
    with pytest.raises(BadModel, match="other sizes"):
        engine.render(with_lora(host_job, lora), silent)


def test_without_the_hosts_lora_extension_there_is_a_sentence_and_no_plain_picture(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, lora: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delitem(sys.modules, "networks")
    with pytest.raises(RenderFailed, match="Lora extension") as caught:
        engine.render(with_lora(host_job, lora), silent)
    assert "Enable" in caught.value.remedy
    assert webui.calls == []
    engine.render(host_job, silent)
    engine.forget(lora)


def test_without_a_folder_for_loras_there_is_a_sentence(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, lora: Path
):
    del webui.shared.cmd_opts.lora_dir
    with pytest.raises(RenderFailed, match="no folder for LoRAs"):
        engine.render(with_lora(host_job, lora), silent)
    engine.forget(lora)


def test_a_folder_that_is_not_there_yet_is_made(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, lora: Path):
    assert not Path(webui.shared.cmd_opts.lora_dir).exists()
    engine.render(with_lora(host_job, lora), silent)


def test_forget_leaves_nothing_on_disk_in_the_lists_or_in_memory(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, lora: Path
):
    users = a_lora(Path(webui.shared.cmd_opts.lora_dir) / "users.safetensors")
    webui.networks.update_available_networks_by_names([users.stem])
    engine.render(with_lora(host_job, lora), silent)
    memory = getattr(webui.networks, "networks_in_memory", {})  # Forge Neo has no such list
    memory[name_of(lora)] = object()
    engine.forget(lora)
    assert not copy_of(webui, lora).exists()
    assert lora.exists()
    assert list(webui.networks.available_networks) == list(webui.networks.available_network_aliases) == ["users"]
    assert memory == {} or webui.kind == "forge_neo"
    assert webui.networks.loaded_networks == []
    assert bool(webui.cleared) is (webui.kind in ("forge", "reforge"))
    engine.forget(lora)


def test_after_forget_the_lora_is_put_there_again(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, lora: Path
):
    engine.render(with_lora(host_job, lora), silent)
    engine.forget(lora)
    engine.render(with_lora(host_job, lora), silent)
    assert copy_of(webui, lora).is_file()


def test_a_lora_folder_that_cannot_be_written_is_named(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, lora: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = Path(webui.shared.cmd_opts.lora_dir) / FOLDER
    for refusal in (PermissionError(13, "Permission denied", "x"), RuntimeError("I/O error: Read-only (os error 30)")):

        def refuse(*given: object, problem: Exception = refusal) -> None:
            raise problem

        monkeypatch.setattr("easyphoto.engines.webui.lora.write_anonymous", refuse)
        with pytest.raises(NoStorage) as caught:
            engine.render(with_lora(host_job, lora), silent)
        assert (caught.value.code, caught.value.file) == ("webui.lora-folder-refused", str(folder))
