"""The measured choice between fp32 and bf16."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from builtin_model import processor
from builtin_model.processor import Bf16Probe, bf16_probe
from kohya_train import precision
from kohya_train.contract import TrainConfig

FASTER = Bf16Probe(2.0, 1.0, 3.0, 2.0)


def test_the_smaller_gain_of_both_kinds_of_work_counts():
    assert FASTER.gain == 1.5
    assert FASTER.faster
    assert not Bf16Probe(4.0, 1.0, 1.0, 1.0).faster


def test_it_is_measured_once_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first = bf16_probe(tmp_path)
    assert min(first.matmul_fp32, first.matmul_bf16, first.conv_fp32, first.conv_bf16) > 0
    monkeypatch.setattr(processor, "_measure", lambda: FASTER)
    assert bf16_probe(tmp_path) == first
    monkeypatch.setattr(processor, "processor_name", lambda: "another")
    assert bf16_probe(tmp_path) == FASTER
    assert len(json.loads((tmp_path / processor.FILE).read_text())) == 2
    (tmp_path / processor.FILE).write_text("damaged")
    assert bf16_probe(tmp_path) == FASTER


@pytest.mark.parametrize(
    ("probe", "expected"), [(FASTER, ("bf16", "faster")), (Bf16Probe(1, 1, 1, 1), ("fp32", "not-faster"))]
)
def test_auto_takes_what_is_faster_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, probe: Bf16Probe, expected: tuple[str, str]
):
    monkeypatch.setattr(precision, "bf16_probe", lambda folder: probe)
    monkeypatch.setattr(precision.torch.cuda, "is_available", lambda: False)
    config = TrainConfig("built-in", "", "", str(tmp_path), steps=1)
    chosen = precision.choose(config)
    assert (chosen.name, chosen.why, chosen.params) == (*expected, {"times": round(probe.gain, 1)})
    assert precision.choose(replace(config, exact=True)).name == "fp32"
    assert precision.choose(config, before="fp32").why == "resumed"
