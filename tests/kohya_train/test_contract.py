import json
import subprocess
import sys
from dataclasses import replace

import pytest

from kohya_train import contract
from kohya_train.contract import BadConfig, TrainConfig, ValidationPlan, ValidationTemplate, decode, encode

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
