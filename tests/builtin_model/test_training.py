"""The training script on drawn ovals and a tiny U-Net: data, two steps, resume, export."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from PIL import Image, ImageDraw

from builtin_model.data import PortraitSource, caption, jitter, stack
from builtin_model.model import SCHEDULE, UNET, BaseModel, fresh, load, save
from builtin_model.train import Recipe, Trainer, export
from builtin_model.vocabulary import write_tokenizer

SHIPPED = Path(__file__).resolve().parents[2] / "models" / "builtin" / "base"
TINY = Recipe(side=64, batch=2, warm_up=1)


@pytest.fixture
def portraits(tmp_path: Path) -> Path:
    """Four drawn ovals of different sizes and an index."""
    folder = tmp_path / "portraits"
    folder.mkdir()
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "side_px", "face_width_fraction"])
        for index, side in enumerate((80, 120, 250, 380)):
            picture = Image.new("RGB", (side, side), (90, 110, 130))
            ImageDraw.Draw(picture).ellipse((side * 0.3, side * 0.2, side * 0.7, side * 0.8), fill=(220, 180, 150))
            picture.save(folder / f"{index}.jpg", quality=95)
            rows.writerow([f"{index}.jpg", side, 0.4])
    return folder


@pytest.fixture
def tiny() -> BaseModel:
    model = load(SHIPPED)
    sizes = {"block_out_channels": (8, 16, 16), "attention_head_dim": 2, "norm_num_groups": 4}
    model.unet = UNet2DConditionModel(**{**UNET, **sizes})
    return model


def trainer(portraits: Path, tiny: BaseModel, seconds: float = 1e9) -> Trainer:
    return Trainer(tiny, PortraitSource(portraits, TINY.side, 0), TINY, seconds)


def test_crops_are_square_and_told_in_words(portraits: Path):
    samples = PortraitSource(portraits, 64, 0).draw(12)
    assert {sample.picture.shape for sample in samples} == {(64, 64, 3)}
    assert all(sample.caption.startswith("1person, ") for sample in samples)
    assert stack(samples).shape == (12, 3, 64, 64)
    assert stack(samples).abs().max() <= 1
    assert len({sample.picture.tobytes() for sample in samples}) > 6


def test_the_same_seed_draws_the_same(portraits: Path):
    first, again, other = (PortraitSource(portraits, 64, seed).pictures(4) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_colors_are_jittered_a_little():
    picture = np.full((8, 8, 3), 120, np.uint8)
    shifts = [jitter(picture, np.random.default_rng(seed)).astype(int).mean() - 120 for seed in range(30)]
    assert max(map(abs, shifts)) < 40
    assert np.std(shifts) > 2


@pytest.mark.parametrize(
    ("color", "face", "words"),
    [((230, 225, 222), 0.7, ("close-up", "bright")), ((40, 40, 60), 0.4, ("portrait", "dark", "cool")),
     ((170, 120, 90), 0.5, ("warm", "even light", "soft photo"))],
)  # fmt: skip
def test_captions_say_what_is_measured(color: tuple[int, int, int], face: float, words: tuple[str, ...]):
    said = caption(np.full((32, 32, 3), color, np.uint8), face)
    assert all(word in said for word in words)


def test_steps_change_the_networks_and_the_average_follows(portraits: Path, tiny: BaseModel):
    run = trainer(portraits, tiny)
    before = [weight.clone() for weight in run.networks.parameters()]
    losses = [run.train_step() for _ in range(2)]
    moved = [not torch.equal(a, b) for a, b in zip(before, run.networks.parameters(), strict=True)]
    assert all(0 < loss < 5 for loss in losses)
    assert np.mean(moved) > 0.9
    means = zip(run.average.parameters(), run.networks.parameters(), strict=True)
    assert any(not torch.equal(mean, now) for mean, now in means)


def test_a_stopped_run_goes_on(portraits: Path, tiny: BaseModel, tmp_path: Path):
    first = trainer(portraits, tiny)
    first.train_step()
    first.seconds = 12.5
    first.save(tmp_path / "work")
    second = trainer(portraits, replace(tiny))
    second.resume(tmp_path / "work")
    assert (second.step, second.seconds) == (1, 12.5)
    for mine, theirs in zip(first.average.parameters(), second.average.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    second.train_step()
    assert second.step == 2


def test_without_a_checkpoint_it_starts_anew(portraits: Path, tiny: BaseModel, tmp_path: Path):
    run = trainer(portraits, tiny)
    run.resume(tmp_path / "nothing")
    assert run.step == 0


def test_the_time_limit_ends_it_with_a_checkpoint(portraits: Path, tiny: BaseModel, tmp_path: Path):
    run = trainer(portraits, tiny, seconds=1e-6)
    run.run(tmp_path / "work", save_every=60)
    assert run.step == 1
    assert (tmp_path / "work" / "state.pt").is_file()
    assert not list((tmp_path / "work").glob("*.part"))


def test_the_rate_warms_up_and_falls_to_nothing(portraits: Path, tiny: BaseModel):
    run = Trainer(tiny, PortraitSource(portraits, 64, 0), replace(TINY, warm_up=10), 100.0)
    assert run._rate() == pytest.approx(TINY.learning_rate / 10)
    run.step, run.seconds = 50, 50.0
    assert run._rate() == pytest.approx(TINY.learning_rate / 2)
    run.seconds = 100.0
    assert run._rate() == pytest.approx(0, abs=1e-9)


def test_export_writes_the_average_in_the_layout(portraits: Path, tiny: BaseModel, tmp_path: Path):
    run = trainer(portraits, tiny)
    run.train_step()
    run.save(tmp_path / "work")
    export(tiny, tmp_path / "work", tmp_path / "out")
    assert (tmp_path / "out" / "model_index.json").is_file()
    written = UNet2DConditionModel.from_pretrained(tmp_path / "out" / "unet", local_files_only=True)
    expected = next(iter(run.average.unet.parameters())).to(torch.bfloat16)
    assert torch.equal(next(iter(written.parameters())).to(torch.bfloat16), expected)


def test_a_fresh_model_has_the_shipped_shapes_and_leaves_the_seed_alone(tmp_path: Path):
    write_tokenizer(tmp_path / "tokenizer", (SHIPPED / "tokenizer" / "merges.txt").read_text("utf-8").splitlines()[1:])
    shipped = load(SHIPPED)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    model = fresh(tmp_path / "tokenizer", shipped.vae)
    assert torch.equal(torch.get_rng_state(), state)
    for ours, theirs in ((model.unet, shipped.unet), (model.text_encoder, shipped.text_encoder)):
        mine = {name: tensor.shape for name, tensor in ours.state_dict().items()}
        assert mine == {name: tensor.shape for name, tensor in theirs.state_dict().items()}
    save(model, tmp_path)
    again = load(tmp_path)
    assert again.encode_texts(["1person"]).shape == (1, 77, 192)
    assert again.scheduler.config.beta_end == SCHEDULE["beta_end"]
