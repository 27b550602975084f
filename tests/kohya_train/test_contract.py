import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from kohya_train import contract
from kohya_train.contract import BadConfig, TrainConfig, ValidationPlan, ValidationTemplate, decode, encode

ROOT = Path(__file__).resolve().parents[2]
CONFIG = TrainConfig(
    family="sd15",
    base_model="C:/Modèles/基础 model.safetensors",
    data_folder="data",
    output_folder="out",
    steps=12,
    validation_images=ValidationPlan((ValidationTemplate("a.png", "a mask.png"),), prompt='she said "hi" -- \n'),
)


def test_the_stored_survives_the_post(tmp_path):
    CONFIG.write(tmp_path / "run.json")
    assert TrainConfig.read(tmp_path / "run.json") == CONFIG


@pytest.mark.parametrize(
    "change",
    [
        {"version": 0},
        {"color": 1},
        {"validation_images": []},
        {"validation_images": {"x": 1}},
        {"steps": 0},
        {"alpha": 129},
        {"family": "x"},
    ],
)
def test_a_wrong_stored_is_refused(tmp_path, change):
    CONFIG.write(tmp_path / "run.json")
    stored = {**json.loads((tmp_path / "run.json").read_text("utf-8")), **change}
    (tmp_path / "run.json").write_text(json.dumps(stored), "utf-8")
    with pytest.raises(BadConfig):
        TrainConfig.read(tmp_path / "run.json")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": 1}'])
def test_what_is_no_stored_is_refused(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(BadConfig):
        TrainConfig.read(tmp_path / "run.json")


@pytest.mark.parametrize(
    "event",
    [
        contract.Started(1, 5),
        contract.Loaded(72, 192, "cpu", "bf16"),
        contract.Resumed(4, ((1, 0.5), (2, 0.25))),
        contract.Stepped(1, 5, 0.1, 1e-4, 0.3),
        contract.Saved(5, "a/ü.safetensors"),
        contract.ValidationSaved(5, 0, "t.png"),
        contract.Warned("two\nlines"),
        contract.Failed("load", "no", "OSError"),
        contract.Done(3.5),
    ],
)
def test_events_come_back_from_one_ascii_line(event):
    line = encode(event)
    assert "\n" not in line
    assert line.isascii()
    assert decode(line) == event


@pytest.mark.parametrize(
    "line", ["", "loss 0.5", "[1]", "{}", '{"event": "party"}', '{"event": "done", "x": 1}', "null"]
)
def test_other_output_is_no_event(line):
    with pytest.raises(BadConfig):
        decode(line)


def test_the_contract_needs_the_standard_library_only():
    code = (
        "import sys, kohya_train.contract;"
        "print([m for m in ('torch', 'numpy', 'PIL', 'diffusers', 'easyphoto') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_replace_checks_again():
    with pytest.raises(BadConfig):
        replace(CONFIG, rank=8)


def test_every_field_has_its_line_in_the_documentation():
    page = (ROOT / "docs" / "trainer.md").read_text(encoding="utf-8")
    assert [one.name for one in fields(TrainConfig) if f"`{one.name}`" not in page] == []


def test_the_documented_example_is_a_configuration(tmp_path):
    page = (ROOT / "docs" / "trainer.md").read_text(encoding="utf-8")
    (tmp_path / "job.json").write_text(page.split("```json\n")[1].split("```")[0], encoding="utf-8")
    assert TrainConfig.read(tmp_path / "job.json").conv_dim == 8


@pytest.mark.parametrize(
    "change",
    [{"ema_decay": 1.0}, {"optimizer": "SGD"}, {"up_lr_weight": [1, 11]}, {"huber_c": 0}, {"batch_size": "4"}],
)
def test_bounds_hold(tmp_path, change):
    CONFIG.write(tmp_path / "run.json")
    stored = {**json.loads((tmp_path / "run.json").read_text("utf-8")), **change}
    (tmp_path / "run.json").write_text(json.dumps(stored), "utf-8")
    with pytest.raises(BadConfig):
        TrainConfig.read(tmp_path / "run.json")
