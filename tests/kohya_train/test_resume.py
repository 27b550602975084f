"""A killed run goes on to the very bytes of the unbroken one, whatever it trains with."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kohya_train import optimizers
from kohya_train.contract import STOP_FILE, Saved, Stepped, TrainConfig, TrainerEvent
from kohya_train.loop import train
from kohya_train.run import StageError

CASES = [
    (name, decay, accumulation)
    for name in ("AdamW", "Adafactor", "AdamW8bit", "Prodigy", "AdamWScheduleFree")
    for decay, accumulation in ((0.0, 1), (0.99, 2))
]


class Killed(Exception):
    pass


@pytest.mark.parametrize(("optimizer", "ema", "accumulation"), CASES)
def test_a_resumed_run_ends_with_the_same_bytes(
    config: TrainConfig, tmp_path: Path, optimizer: str, ema: float, accumulation: int, monkeypatch: pytest.MonkeyPatch
):
    """Stopped in the middle of an epoch of three pictures, after a step that was not saved."""
    shaped: dict[str, Any] = {"optimizer": optimizer, "ema_decay": ema, "accumulation": accumulation}
    rate = 1.0 if optimizer == "Prodigy" else 1e-2  # a factor there
    config = replace(config, steps=3, save_steps=1, batch_size=1, learning_rate=rate, lr_scheduler="cosine", **shaped)
    whole, broken = (replace(config, output_folder=str(tmp_path / name)) for name in ("whole", "broken"))
    try:
        train(whole, lambda event: None)
    except StageError as problem:
        assert isinstance(problem.__cause__, optimizers.NoOptimizer)
        pytest.skip(f"{optimizer} is not installed")

    def kill(event: TrainerEvent) -> None:
        if isinstance(event, Stepped) and event.step == 2:
            raise Killed

    with pytest.raises(StageError):
        train(broken, kill)
    train(replace(broken, resume=True), lambda event: None)
    assert [_hash(whole, name) for name in FILES] == [_hash(broken, name) for name in FILES]


FILES = ("checkpoint-3.safetensors", "resume.safetensors")
"""What other programs get, and in fp32 the weights with the optimizer's and the average's state."""


def _hash(config: TrainConfig, name: str) -> str:
    from kohya_train.export import read_lora

    tensors, _ = read_lora(Path(config.output_folder) / name)
    digest = hashlib.sha256()
    moved = False
    for key in sorted(tensors):
        moved |= "lora_up" in key and bool(tensors[key].any())
        digest.update(key.encode() + tensors[key].numpy().tobytes())
    assert moved
    return digest.hexdigest()


def test_what_a_run_chose_for_itself_holds_for_its_continuation(config: TrainConfig, monkeypatch: pytest.MonkeyPatch):
    folding = replace(config, steps=1, lora_forward="folded", precision="auto", exact=True)
    train(folding, lambda event: None)
    from kohya_train.resume import choices_before

    before = choices_before(replace(folding, resume=True))
    assert before["precision"] == "fp32"
    assert len(before["folded"]) == 60
    assert choices_before(folding) == {}


def test_a_stop_file_ends_a_run_at_the_next_step_with_a_file(config: TrainConfig):
    events: list[TrainerEvent] = []

    def stop(event: TrainerEvent) -> None:
        events.append(event)
        if isinstance(event, Stepped) and event.step == 2:
            (Path(config.output_folder) / STOP_FILE).touch()

    train(replace(config, steps=9, save_steps=9), stop)
    assert [event.step for event in events if isinstance(event, Saved)] == [2]
