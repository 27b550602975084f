"""Training it: saved folders, a person's LoRA, states, rows, errors by skin tone."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from inpaint_world import TINY

from builtin_model.inpaint import network, state
from builtin_model.inpaint.cache import FaceCache
from builtin_model.inpaint.captions import CAPTIONS
from builtin_model.inpaint.evaluation import TIMES, errors_by_tone, held_out_batch, held_out_errors
from builtin_model.inpaint.lora import add_lora, folded, lora_tensors, remove_lora
from builtin_model.inpaint.parts import FaceInpaintModel, Frozen, load, save
from builtin_model.inpaint.person import PersonRecipe, train_person
from builtin_model.inpaint.pool import Batch, ViewPool
from builtin_model.inpaint.sampling import signals_of
from builtin_model.inpaint.train import Recipe, Trainer, write_row


def test_a_folder_gives_the_model_back_with_its_history(model: FaceInpaintModel, tmp_path: Path):
    save(model, tmp_path)
    again = load(tmp_path)
    assert again.history == model.history
    for name, tensor in model.unet.state_dict().items():
        assert torch.allclose(again.unet.state_dict()[name], tensor, rtol=0.01, atol=1e-4)
    assert again.frozen.states(["x"]).shape == (1, 77, 192)
    index = json.loads((tmp_path / "model_index.json").read_text())
    index["_class_name"] = "StableDiffusionPipeline"
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match="StableDiffusionPipeline"):
        load(tmp_path)


def test_weights_with_a_class_of_zeros_are_the_same_network_without_it():
    torch.manual_seed(0)
    old = network.fresh_unet(
        {**TINY, "class_embed_type": "simple_projection", "projection_class_embeddings_input_dim": 4}
    )
    new = network.fresh_unet(TINY)
    new.load_state_dict(network.without_class_embedding(old.state_dict()))
    given, states = torch.randn(1, 46, 16, 16), torch.randn(1, 3, 192)
    labels = torch.zeros(1, 4)
    with torch.no_grad():
        assert torch.allclose(old(given, 5, states, labels).sample, new(given, 5, states).sample, atol=1e-5)


def test_a_lora_starts_as_nothing_and_folds_as_it_was_trained(model: FaceInpaintModel):
    given, states = torch.randn(1, 46, 8, 8), torch.randn(1, 3, 192)
    unet = model.unet
    with torch.no_grad():
        before = unet(given, 5, states).sample
        parameters = add_lora(unet, 4, 2.0)
        assert torch.allclose(unet(given, 5, states).sample, before, atol=1e-6)
        for parameter in parameters:
            parameter += 0.02
        trained, tensors = unet(given, 5, states).sample, lora_tensors(unet)
        remove_lora(unet)
        assert torch.equal(unet(given, 5, states).sample, before)
        with folded(unet, [(tensors, 1.0)]):
            assert torch.allclose(unet(given, 5, states).sample, trained, atol=1e-4)
        assert torch.equal(unet(given, 5, states).sample, before)
        with pytest.raises(KeyError), folded(unet, [({"x.lora_down.weight": torch.ones(1, 1)}, 1.0)]):
            pass
    assert not torch.allclose(trained, before, atol=1e-3)


def test_a_person_is_learnt_and_the_model_is_left_as_it_was(model: FaceInpaintModel, cache: FaceCache):
    before = {name: tensor.clone() for name, tensor in model.unet.state_dict().items()}
    losses: list[float] = []
    recipe = PersonRecipe(rank=4, steps=40, batch=2, views=4, learning_rate=5e-3)
    tensors = train_person(model, cache, recipe, lambda _done, _total, value: losses.append(value))
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])
    assert set(model.unet.state_dict()) == set(before)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.unet.state_dict().items())
    assert tensors["lora_unet_conv_in.lora_down.weight"].shape == (4, 46, 3, 3)
    assert tensors["lora_unet_conv_in.lora_up.weight"].shape == (8, 4, 1, 1)


def trainer(cache: FaceCache, frozen: Frozen, folder: Path) -> Trainer:
    torch.manual_seed(0)
    run = state.begin(network.fresh_unet(TINY), 1e-3, [])
    state.resume(run, folder)
    recipe = Recipe(batch=2, warm_up=2, save_every=2, measure_every=4, sheet_every=4)
    return Trainer(run, ViewPool(cache, frozen.encode, np.random.default_rng(run.step), size=4), frozen, recipe)


def test_training_stops_resumes_and_measures(cache: FaceCache, frozen: Frozen, tmp_path: Path):
    first = trainer(cache, frozen, tmp_path)
    first.train(tmp_path, 3, [])
    again = trainer(cache, frozen, tmp_path)
    assert again.run.step == 3
    assert again.run.pictures == 6
    for one, two in zip(first.run.average.parameters(), again.run.average.parameters(), strict=True):
        assert torch.equal(one, two)
    again.train(tmp_path, 4, [])
    with (tmp_path / "curve.csv").open() as lines:
        (row,) = csv.DictReader(lines)
    assert row["step"] == "4"
    assert all(float(row[f"error_{t}"]) > 0 for t in TIMES)
    assert (tmp_path / "sheet-000004.png").is_file()
    stopped = trainer(cache, frozen, tmp_path)
    stopped.train(tmp_path, 9, [15])
    assert stopped.run.step == 4


def test_a_state_that_was_not_finished_is_not_taken(cache: FaceCache, frozen: Frozen, tmp_path: Path):
    first = trainer(cache, frozen, tmp_path)
    first.train(tmp_path, 2, [])
    first.train(tmp_path, 3, [])
    (tmp_path / (state.STATE + ".part")).write_bytes(b"half a file")
    (tmp_path / state.STATE).unlink()  # killed between the two moves
    assert trainer(cache, frozen, tmp_path).run.step == 2


def test_a_cool_down_leaves_the_run_as_it_is(cache: FaceCache, frozen: Frozen, tmp_path: Path):
    trainer(cache, frozen, tmp_path).train(tmp_path, 2, [])
    written = (tmp_path / state.STATE).read_bytes()
    cooled = trainer(cache, frozen, tmp_path)
    cooled.cool_down(3)
    assert cooled.run.step == 5
    assert (tmp_path / state.STATE).read_bytes() == written


def test_rows_from_before_a_kill_are_dropped(tmp_path: Path):
    for step in (1, 2, 3, 2):
        write_row(tmp_path / "curve.csv", {"step": step, "loss": step})
    with (tmp_path / "curve.csv").open() as lines:
        assert [row["step"] for row in csv.DictReader(lines)] == ["1", "2"]


def test_a_better_network_has_smaller_errors(cache: FaceCache, frozen: Frozen):
    class Perfect(torch.nn.Module):
        """Knows the noise of `clean_error` and hence v."""

        def __init__(self, batch: Batch) -> None:
            super().__init__()
            self.batch = batch

        def forward(self, given: torch.Tensor, time: int, states: torch.Tensor) -> object:
            level = signals_of()[time]
            noise = (given[:, :12] - level.sqrt() * self.batch.latents) / (1 - level).sqrt()
            v = level.sqrt() * noise - (1 - level).sqrt() * self.batch.latents
            return type("Output", (), {"sample": v})()

    batch, states = held_out_batch(cache, frozen.encode), frozen.states(CAPTIONS)
    assert max(held_out_errors(Perfect(batch), batch, states).values()) < 1e-4
    assert min(held_out_errors(network.fresh_unet(TINY), batch, states).values()) > 1e-3


def test_results_are_told_by_skin_tone(cache: FaceCache, frozen: Frozen):
    batch, states = held_out_batch(cache, frozen.encode), frozen.states(CAPTIONS)
    rows = errors_by_tone(network.fresh_unet(TINY), cache, batch, states)
    assert sum(row["faces"] for row in rows) == 3
    assert sum(row["share_drawn"] for row in rows) == pytest.approx(1, abs=0.01)
    assert [row["held_out"] for row in rows] == [0, 0, 0, 0, 0, 1]
    assert float(rows[-1]["error_500"]) > 0
