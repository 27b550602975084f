"""The checkpoints of a host of recorded interfaces: families, names, pickles."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fake_webui import FakeWebui
from lora_files import write_zeros
from recorded_host import names_only

from easyphoto.domain import Checkpoint, ModelFamily
from easyphoto.engines.webui import checkpoints
from easyphoto.engines.webui.engine import WebuiEngine
from easyphoto.errors import MissingModel

SD15, SDXL = ModelFamily.SD15, ModelFamily.SDXL


def add(host: FakeWebui, name: str, tensors: tuple[str, ...] | None) -> Path:
    """A file in the host's list: safetensors with those names, or a pickle nobody may open."""
    file = host.root / name
    if tensors is None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"\x80\x02.")
        file.chmod(0)
    else:
        write_zeros(file, tensors)
    entry = names_only(host.facts["sd_models"]["CheckpointInfo"], filename=str(file), name=name, title=f"{name} [ff]")
    host.sd_models.checkpoints_list[entry.title] = entry
    host.sd_models.checkpoint_aliases |= {entry.title: entry, name: entry}
    return file


def test_only_what_we_can_use_is_offered_under_names_that_do_not_change(webui: FakeWebui, engine: WebuiEngine):
    large = add(webui, "sub/large.safetensors", ("model.diffusion_model.x", "conditioner.embedders.1.x"))
    add(webui, "sd2.safetensors", ("model.diffusion_model.x", "cond_stage_model.model.x"))
    add(webui, "lora.safetensors", ("lora_unet_x.lora_down.weight",))
    add(webui, "flux.gguf", None)
    (webui.root / "bad.safetensors").write_bytes(b"nothing")
    one, two = (Path(entry.filename) for entry in webui.entries)
    expected = [Checkpoint("one", SD15, one), Checkpoint("two", SD15, two), Checkpoint("sub/large", SDXL, large)]
    assert engine.checkpoints() == expected
    for entry in webui.sd_models.checkpoints_list.values():
        entry.title = f"{entry.name} [another hash]"
    assert engine.checkpoints() == expected


def test_pickles_are_never_opened_and_have_no_file(webui: FakeWebui, engine: WebuiEngine):
    add(webui, "dreamXL.ckpt", None)
    add(webui, "unknown.ckpt", None)
    add(webui, "one.ckpt", None)
    assert [c for c in engine.checkpoints() if c.file is None] == [Checkpoint("dreamXL", SDXL, None)]


def test_of_a_loaded_pickle_the_host_knows_the_family(webui: FakeWebui, engine: WebuiEngine):
    add(webui, "unknown.ckpt", None)
    webui._load(webui.sd_models.checkpoint_aliases["unknown.ckpt"])
    assert engine.checkpoint("unknown") == Checkpoint("unknown", SD15, None)


def test_a_checkpoint_is_found_by_any_name_the_host_has_for_it(webui: FakeWebui, engine: WebuiEngine):
    for name in ("two", "two.safetensors", webui.entries[1].title):
        assert engine.checkpoint(name).name == "two"


def test_a_missing_one_is_named_with_what_there_is(webui: FakeWebui, engine: WebuiEngine):
    for name in ("built-in", ""):
        with pytest.raises(MissingModel, match="one, two") as caught:
            engine.checkpoint(name)
        assert str(webui.root) in caught.value.remedy


def test_the_hosts_own_is_offered_first(webui: FakeWebui, engine: WebuiEngine):
    webui.options.data["sd_model_checkpoint"] = webui.entries[1].title
    assert engine.default() == "two"
    webui.options.data["sd_model_checkpoint"] = None
    assert engine.default() == "one"
    webui.sd_models.checkpoints_list.clear()
    assert engine.default() == ""
    assert engine.checkpoints() == []


def test_a_header_is_read_once_for_each_state_of_a_file(
    webui: FakeWebui, engine: WebuiEngine, monkeypatch: pytest.MonkeyPatch
):
    read: list[str] = []
    real = checkpoints.family_or_none
    monkeypatch.setattr(checkpoints, "family_or_none", lambda file: (read.append(file.name), real(file))[1])
    for _ in range(3):
        engine.checkpoints()
    assert sorted(read) == ["one.safetensors", "two.safetensors"]
    os.utime(webui.entries[0].filename, ns=(1, 1))
    engine.checkpoints()
    assert len(read) == 3
    Path(webui.entries[1].filename).unlink()
    assert [c.name for c in engine.checkpoints()] == ["one"]


def test_forge_begins_with_a_stand_in_for_a_model(forge: FakeWebui, engine: WebuiEngine):
    forge.sd_models.model_data.sd_model = object()
    add(forge, "thing.ckpt", None)
    assert [c.name for c in engine.checkpoints()] == ["one", "two"]
