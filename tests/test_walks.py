"""What CONTRIBUTING.md promises: what is added in the named files appears everywhere else by itself."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from fakes import FakeFaces
from fastapi.testclient import TestClient

from easyphoto.api import Access, build_api
from easyphoto.cli.app import main
from easyphoto.domain import ModelFamily, PortraitRequest, TrainRequest, options_of
from easyphoto.engines.local.renderers import renderer_of
from easyphoto.engines.model_probe import find_checkpoints
from easyphoto.faces.base import FaceToolbox
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.families import foreign_labels
from easyphoto.families.base import LoraMarks, has_prefix
from easyphoto.jobs import JobQueue
from easyphoto.locales import LANGUAGES, catalogue
from easyphoto.lora import inspect
from easyphoto.paths import Paths
from easyphoto.portrait.finish import EFFECTS
from easyphoto.portrait.generate import FACE_STAGES
from easyphoto.stages import Stage
from easyphoto.studio import Studio
from easyphoto.tensor_file import write_tensors
from easyphoto.ui.form import Form
from easyphoto.ui.i18n import Translator, stage_key

ROOT = Path(__file__).resolve().parent.parent


def _member(kind: type[Enum], name: str, value: str) -> Enum:
    """An enum's member as its class statement would have made it."""
    made = str.__new__(kind, value)  # type: ignore[type-var]
    made._name_, made._value_ = name, value
    return made


@pytest.fixture
def dit(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelFamily]:
    """A family of base models, added as the second walk says: a member, and a module of its name with a SPEC."""
    family: Any = _member(ModelFamily, "DIT", "dit")
    module = ModuleType("easyphoto.families.dit")
    spec = ModelFamily.SD15.spec
    probe = replace(spec.probe, is_checkpoint=has_prefix("cond_stage_model.dit."))  # type: ignore[type-var]
    module.SPEC = replace(  # type: ignore[attr-defined]
        spec,
        id=family,
        label="DiT",
        lora=LoraMarks(("dit_v1",), cross_attention=4096),
        probe=probe,
        train_defaults={"rank": 96},
        portrait_defaults={"cfg_scale": 3.5},
    )
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(ModelFamily, "_member_names_", [*ModelFamily._member_names_, "DIT"])
    monkeypatch.setitem(ModelFamily._member_map_, "DIT", family)
    monkeypatch.setitem(ModelFamily._value2member_map_, "dit", family)
    yield family


@pytest.fixture
def studio(tmp_path: Path, dit: ModelFamily) -> Studio:
    """With one checkpoint of that family in the weights folder."""
    tensors = {"model.diffusion_model.x": np.zeros(1, np.float32), "cond_stage_model.dit.x": np.zeros(1, np.float32)}
    write_tensors(Paths(tmp_path).weights / "new.safetensors", tensors, {})
    return Studio.local(tmp_path)


def test_files_of_a_new_family_are_told(studio: Studio, dit: ModelFamily, tmp_path: Path):
    assert [(found.name, found.family) for found in find_checkpoints(studio.paths.weights)] == [("new", dit)]
    name = "lora_unet_blocks_0_attn2_to_k"
    pair = {".lora_down.weight": np.zeros((4, 4096), np.float32), ".lora_up.weight": np.zeros((8, 4), np.float32)}
    write_tensors(tmp_path / "lora.safetensors", {f"{name}{end}": values for end, values in pair.items()}, {})
    assert inspect(tmp_path / "lora.safetensors").family is dit
    assert renderer_of(dit) is renderer_of(ModelFamily.SD15)
    assert "DiT" in foreign_labels()


def test_a_new_family_appears_on_the_command_line(studio: Studio, capsys: pytest.CaptureFixture[str]):
    assert main(["models", "--json", "--data", str(studio.paths.root)]) == 0
    assert ("new", "dit") in [(m["name"], m["family"]) for m in json.loads(capsys.readouterr().out)["models"]]


def test_a_new_family_appears_in_the_api(studio: Studio):
    queue = JobQueue(studio.paths, studio)
    try:
        api = TestClient(build_api(studio, queue, Access.local()), base_url="http://localhost")
        forms = api.get("/v1/forms").json()
    finally:
        queue.close()
    assert {"name": "new", "family": "dit"} in forms["base_models"]
    assert forms["defaults"]["dit"]["train"]["rank"] == 96
    assert forms["defaults"]["dit"]["portrait"]["cfg_scale"] == 3.5


def test_a_new_family_appears_in_the_forms(dit: ModelFamily):
    form = Form(TrainRequest, Translator("en"), "ep")
    form.place("rank", "alpha")
    assert [update["value"] for update in form.defaults_for(dit)] == [96, 64]
    assert PortraitRequest.for_family(dit).cfg_scale == 3.5


@pytest.mark.parametrize("toolbox", [BuiltinToolbox, FakeFaces])
def test_every_toolbox_has_every_method_of_the_protocol(toolbox: type):
    assert {name for name in vars(FaceToolbox) if not name.startswith("_")} <= set(dir(toolbox))


@pytest.mark.parametrize("stage", list(FACE_STAGES))
def test_a_step_of_the_portrait_has_weight_words_and_a_switch(stage: Stage):
    off = {name: not value if isinstance(value, bool) else 0.0 for name, value in asdict(PortraitRequest()).items()
           if isinstance(value, bool) or name.endswith("strength")}  # fmt: skip
    switched = [stage in PortraitRequest(**{name: value}).face_stages for name, value in off.items()]
    usual = stage in PortraitRequest().face_stages
    assert stage.weight > 0
    assert all(stage_key(stage.value) in catalogue(language) for language in LANGUAGES)
    assert stage is Stage.COLOR or switched.count(not usual) >= 1  # color matching is done twice, each with a switch
    assert stage not in EFFECTS or FACE_STAGES[stage]


def test_every_field_of_a_request_but_the_persons_is_an_option():
    assert set(asdict(PortraitRequest())) - set(options_of(PortraitRequest)) == {"persons"}
    assert set(asdict(TrainRequest())) == set(options_of(TrainRequest))


def test_the_walks_name_files_that_exist():
    text = (ROOT / "docs" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:easyphoto|kohya_train|tests|docs|models)/[\w./-]+)`", text))
    assert len(named) > 25
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
