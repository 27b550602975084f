from pathlib import Path

import numpy as np
import pytest
import torch
from fakes import FakeFaces, draw_faces, save
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from easyphoto.domain import LoraCheckpoint, ModelFamily, TrainingSet
from easyphoto.errors import TrainingFailed
from easyphoto.images import picture
from easyphoto.progress import Step
from easyphoto.training.launch import TrainingRun, ValidationImage
from easyphoto.training.select import ScoredImage, distance_by_step, select, vote_shares, with_distance

PERSON = (190, 110, 90)
NEAR, FAR = (186, 112, 92), (235, 195, 180)


def scored(*pairs: tuple[int, float]) -> list[ScoredImage]:
    validation_images = [
        ScoredImage(ValidationImage(step, n, Path(f"{n}.png")), gap) for n, (step, gap) in enumerate(pairs)
    ]
    return sorted(validation_images, key=lambda s: s.distance)


def test_the_originals_vote_of_ten():
    pairs = [(800, 0.1)] * 6 + [(700, 0.2)] * 3 + [(500, 0.3)] + [(100, 0.9)] * 22
    assert vote_shares(scored(*pairs), {100, 500, 700, 800}) == {500: 0.1, 700: 0.3, 800: 0.6}


def test_fewer_trials_than_voters_share_the_whole():
    pairs = [(200, 0.1), (100, 0.2), (200, 0.3), (100, 0.4)]
    assert vote_shares(scored(*pairs), {100, 200}) == {100: 0.5, 200: 0.5}


def test_a_trial_whose_checkpoint_is_missing_has_no_vote():
    assert vote_shares(scored((250, 0.1), (200, 0.2)), {200}) == {200: 1.0}


@given(st.lists(st.tuples(st.integers(1, 9), st.floats(0, 2)), max_size=40), st.sets(st.integers(1, 9)))
def test_shares_sum_to_one_or_there_are_none(pairs: list[tuple[int, float]], steps: set[int]):
    shares = vote_shares(scored(*pairs), steps)
    assert not shares or sum(shares.values()) == pytest.approx(1)
    assert set(shares) <= steps


def test_likeness_of_a_step_is_the_mean_of_its_trials():
    assert distance_by_step(scored((1, 0.2), (1, 0.4), (2, 0.5))) == {1: pytest.approx(0.3), 2: 0.5}


def lora(file: Path, value: float) -> Path:
    rank, size = 2, 6
    generator = torch.Generator().manual_seed(int(value * 100))
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    save_file(
        {
            f"{name}.lora_down.weight": torch.randn(rank, size, generator=generator),
            f"{name}.lora_up.weight": torch.randn(size, rank, generator=generator),
            f"{name}.alpha": torch.tensor(2.0),
        },
        file,
    )
    return file


def finished(folder: Path, colors: dict[int, tuple[int, int, int]]) -> tuple[TrainingRun, TrainingSet]:
    checkpoints, validation_images = [], []
    for step, color in colors.items():
        file = lora(folder / f"checkpoint-{step}.safetensors", step)
        checkpoints.append(LoraCheckpoint(file, ModelFamily.BUILTIN, 2, step))
        validation_images.append(
            ValidationImage(step, 0, save(draw_faces((200, 200), [((100, 100), 90, color)]), folder / f"{step}.png"))
        )
    vectors = np.array([PERSON, PERSON], np.float32) / 100
    training_set = TrainingSet(folder, (), "", folder / "reference.png", (), vectors)
    run = TrainingRun(tuple(checkpoints), tuple(validation_images), (), 1.0, folder / "log.txt", ())
    return run, training_set


def test_the_face_id_is_the_nearest_trial_and_likeness_is_kept(tmp_path: Path):
    run, training_set = finished(tmp_path, {10: FAR, 20: NEAR})
    chosen = select(run, training_set, FakeFaces(), tmp_path / "person.safetensors", "rank")
    assert chosen.face_id == tmp_path / "20.png"
    assert chosen.votes == {10: 0.5, 20: 0.5}
    assert chosen.distance_by_step[20] < chosen.distance_by_step[10]
    assert chosen.lora.file.is_file()
    assert chosen.lora.distance == pytest.approx(np.mean(list(chosen.distance_by_step.values())))
    assert not chosen.warnings


def test_trials_without_faces_end_in_the_last_checkpoint_and_a_warning(tmp_path: Path):
    run, training_set = finished(tmp_path, {10: NEAR, 20: NEAR})
    for trial in run.validation_images:
        save(draw_faces((200, 200), []), trial.file)
    chosen = select(run, training_set, FakeFaces(), tmp_path / "person.safetensors", "rank")
    assert chosen.lora.step == 20
    assert "No face" in str(chosen.warnings[0])
    last = load_file(run.checkpoints[-1].file)
    assert all(torch.equal(last[key], value) for key, value in load_file(chosen.lora.file).items())


def test_a_damaged_checkpoint_ends_in_the_last_one_and_a_warning(tmp_path: Path):
    run, training_set = finished(tmp_path, {10: NEAR, 20: NEAR})
    run.checkpoints[0].file.write_bytes(b"broken")
    chosen = select(run, training_set, FakeFaces(), tmp_path / "person.safetensors", "rank")
    assert chosen.lora.step == 20
    assert "Merging failed" in str(chosen.warnings[0])


def test_no_checkpoint_at_all_is_a_failure_with_the_log(tmp_path: Path):
    run, training_set = finished(tmp_path, {})
    with pytest.raises(TrainingFailed, match=r"log.txt"):
        select(run, training_set, FakeFaces(), tmp_path / "person.safetensors", "rank")


def test_trial_pictures_on_their_way_out_get_their_likeness():
    steps: list[Step] = []
    report = with_distance(steps.append, np.array([PERSON], np.float32) / 100, FakeFaces())
    for color in (NEAR, FAR):
        report(
            Step(
                "train",
                5,
                10,
                figures={"loss": 0.2},
                preview=picture(draw_faces((200, 200), [((100, 100), 90, color)])),
            )
        )
    report(Step("train", 6, 10, figures={"loss": 0.1}))
    report(Step("train", 7, 10, preview=picture(draw_faces((200, 200), []))))
    near, far, plain, faceless = (s.figures for s in steps)
    assert near["distance"] < far["distance"]
    assert near["loss"] == 0.2
    assert "distance" not in plain
    assert "distance" not in faceless
