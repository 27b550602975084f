"""The inpainting model on aligned faces, with miniature networks and drawn faces."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from builtin_model.inpaint import network, state
from builtin_model.inpaint.cache import CANVAS, FaceCache, FaceRecord, FoundFace, build_cache, read_cache, skin_tone
from builtin_model.inpaint.captions import CAPTIONS, caption_index
from builtin_model.inpaint.degradation import MEASURED, TRAINED, degrade
from builtin_model.inpaint.evaluation import TIMES, errors_by_tone, held_out_batch, held_out_errors
from builtin_model.inpaint.frame import SIDE, frame_of
from builtin_model.inpaint.geometry import MAPS, geometry_maps, oval_mask
from builtin_model.inpaint.lora import add_lora, folded, lora_tensors, remove_lora
from builtin_model.inpaint.objective import clean, loss, noised
from builtin_model.inpaint.parts import FaceInpaintModel, Frozen, load, read_frozen, save
from builtin_model.inpaint.person import PersonRecipe, train_person
from builtin_model.inpaint.pool import Batch, Dropout, ViewPool, balance, dropped
from builtin_model.inpaint.repaint import FrameRepaint, conditions_of, detail_of, laid_back, repaint, soft_mask
from builtin_model.inpaint.sampling import Sampling, paint, signals_of, times_of
from builtin_model.inpaint.train import Recipe, Trainer, write_row
from builtin_model.inpaint.views import STILL, color_hint, draw_view, without
from builtin_model.mesh_indices import OVAL
from easyphoto.paths import shipped_models

TINY = {
    **network.UNET,
    "block_out_channels": (8, 8, 16),
    "norm_num_groups": 4,
    "attention_head_dim": 2,
}


def mesh_at(center: tuple[float, float], radius: float) -> np.ndarray:
    """468 points: the oval on a circle, everything else well inside it."""
    rng = np.random.default_rng(0)
    mesh = np.asarray(center) + rng.uniform(-0.4, 0.4, (468, 2)) * radius
    turn = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    mesh[list(OVAL)] = np.asarray(center) + radius * np.column_stack([np.sin(turn), -np.cos(turn)])
    return mesh.astype(np.float32)


@pytest.fixture(scope="module")
def cache() -> FaceCache:
    rng = np.random.default_rng(1)
    canvases = rng.integers(60, 200, (4, 20, 20, 3)).astype(np.uint8).repeat(16, 1).repeat(16, 2)
    records = [FaceRecord(f"set/{i}.jpg", "set", 1.0, 20.0 * i, held_out=i == 3) for i in range(4)]
    return FaceCache(tuple(records), canvases, np.stack([mesh_at((160, 160), 80)] * 4))


@pytest.fixture(scope="module")
def frozen() -> Frozen:
    (folder,) = shipped_models().glob("*/base")
    return read_frozen(folder)


@pytest.fixture
def model(frozen: Frozen) -> FaceInpaintModel:
    torch.manual_seed(0)
    return FaceInpaintModel(network.fresh_unet(TINY).eval(), frozen, ({"start": "random"},))


def portrait(side: int = SIDE) -> np.ndarray:
    rng = np.random.default_rng(2)
    return rng.integers(40, 220, (side // 8, side // 8, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)


def test_a_turned_face_stands_level_in_its_frame():
    five = np.array([[100, 100], [140, 140], [100, 140], [70, 140], [100, 170]])  # rolled by 45 degrees
    frame = frame_of(five)
    points = frame.points(five)
    assert points[0, 1] == pytest.approx(points[1, 1])
    assert points[0, 0] < points[1, 0]
    assert (points[0, 0] + points[1, 0]) / 2 == pytest.approx(SIDE / 2, abs=20)
    with pytest.raises(ValueError, match="one spot"):
        frame_of(np.zeros((5, 2)))


def test_a_cut_laid_back_unchanged_leaves_the_picture_unchanged():
    picture = portrait(400)
    frame = frame_of([[150, 180], [230, 190], [190, 220], [160, 260], [220, 265]])
    cut = frame.cut(picture)
    whole = np.full((SIDE, SIDE), 255, np.uint8)
    assert np.array_equal(laid_back(picture, frame, cut, whole), picture)
    changed = laid_back(picture, frame, 255 - cut, oval_mask(mesh_at((128, 128), 80), SIDE, 1.0))
    moved = (changed != picture).any(2)
    assert moved[200, 190]
    assert not moved[:60].any()


def test_fine_detail_above_the_frame_is_kept_by_its_share():
    rng = np.random.default_rng(3)
    picture = rng.integers(100, 156, (900, 900, 3)).astype(np.uint8)
    frame = frame_of([[330, 380], [570, 380], [450, 500], [360, 620], [540, 620]])
    cut, mask = frame.cut(picture), np.full((SIDE, SIDE), 255, np.uint8)
    spread = [laid_back(picture, frame, cut, mask, detail)[400:500, 400:500].std() for detail in (1.0, 0.5, 0.0)]
    assert spread[0] > spread[1] > spread[2]
    assert [detail_of(s) for s in (0.0, 0.5, 1.0)] == [1, 1, 0.25]


def test_geometry_maps_cover_the_face():
    maps = geometry_maps(mesh_at((128, 128), 80), SIDE)
    assert maps.shape == (len(MAPS), SIDE // 8, SIDE // 8)
    assert maps[0, 16, 16] == 1
    assert maps[0, 0, 0] == 0
    assert maps[0].mean() == pytest.approx(np.pi * 80**2 / SIDE**2, rel=0.05)
    large = geometry_maps(mesh_at((256, 256), 160), 512)
    assert large[0].mean() == pytest.approx(maps[0].mean(), rel=0.02)


def test_a_degraded_face_differs_only_where_the_face_is(cache: FaceCache):
    oval = oval_mask(mesh_at((128, 128), 60), SIDE, 1.0)
    frame = portrait()
    for seed in range(12):
        bad = degrade(frame, oval, 255 - frame, np.random.default_rng(seed), MEASURED)
        far = np.abs(bad[:20].astype(int) - frame[:20])
        assert far.mean() < 12  # a JPEG may touch it
        assert np.abs(bad[110:150, 110:150].astype(int) - frame[110:150, 110:150]).mean() > 1


def test_training_sees_slighter_faults_than_measuring():
    oval, frame = oval_mask(mesh_at((128, 128), 60), SIDE, 1.0), portrait()
    gaps = [
        np.mean(
            [np.abs(degrade(frame, oval, frame, np.random.default_rng(s), how).astype(int) - frame) for s in range(12)]
        )
        for how in (TRAINED, MEASURED)
    ]
    assert gaps[0] < gaps[1]


def test_a_view_is_the_same_for_the_same_seed(cache: FaceCache):
    one, two = (draw_view(cache, 0, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(one.frame, two.frame)
    assert np.array_equal(one.reference, two.reference)
    assert one.mask.shape == (1, 32, 32)
    assert one.color.shape == (3, 32, 32)
    still = draw_view(cache, 0, np.random.default_rng(5), STILL)
    assert np.array_equal(still.frame, cache.canvases[0][32:-32, 32:-32])


def test_the_masked_part_is_gray_and_the_hint_has_no_shape():
    frame = portrait()
    gone = without(frame, oval_mask(mesh_at((128, 128), 80), SIDE, 1.0))
    assert (gone[128, 128] == 127).all()
    assert np.array_equal(gone[:40], frame[:40])
    hint = color_hint(frame)
    assert hint.shape == (3, 32, 32)
    assert hint.std() < (frame / 127.5 - 1).std() / 2


def test_rare_skin_tones_are_drawn_oftener_and_enlarged_pictures_less():
    records = [FaceRecord("a", "s", 1.0, 60, False)] * 90 + [FaceRecord("b", "s", 1.0, -30, False)] * 10
    chances = balance(records)
    assert chances[-1] == pytest.approx(3 * chances[0])
    two = balance([FaceRecord("a", "s", 1.0, 60, False), FaceRecord("a", "s", 2.0, 60, False)])
    assert two[0] == pytest.approx(2 * two[1])


def test_the_pool_never_draws_a_held_out_face(cache: FaceCache, frozen: Frozen):
    pool = ViewPool(cache, frozen.encode, np.random.default_rng(0), size=6, reuse=2)
    assert pool.indices == [0, 1, 2]
    batches = [pool.draw(4, Dropout(0, 0, 0, 0)) for _ in range(4)]
    assert all(batch.conditions().shape == (4, 34, 32, 32) for batch in batches)
    assert all(torch.isfinite(batch.latents).all() for batch in batches)


def test_dropout_leaves_whole_conditions_out(cache: FaceCache, frozen: Frozen):
    batch = held_out_batch(cache, frozen.encode)
    gone = dropped(batch, Dropout(1, 1, 1, 1), np.random.default_rng(0))
    for name in ("geometry", "color", "reference", "captions"):
        assert not getattr(gone, name).any()
        assert getattr(batch, name).any()
    assert torch.equal(gone.known, batch.known)


def test_v_gives_the_clean_latents_back():
    generator = torch.Generator().manual_seed(0)
    latents, noise = (torch.randn((3, 12, 4, 4), generator=generator) for _ in range(2))
    level = torch.tensor([0.9, 0.5, 0.01])
    noisy, share = noised(latents, noise, level), level.reshape(-1, 1, 1, 1)
    v = share.sqrt() * noise - (1 - share).sqrt() * latents
    assert torch.allclose(clean(noisy, v, level), latents, atol=1e-4)
    zeros = torch.zeros((3, 6, 4, 4))
    batch = Batch(latents, latents, latents, torch.ones((3, 1, 4, 4)), zeros, zeros[:, :3], torch.zeros(3).long())
    assert loss(v, batch, noise, level).item() == pytest.approx(0, abs=1e-9)
    assert loss(v + 1, batch, noise, level).item() > 0.1


def test_the_schedule_is_the_one_in_the_folder():
    assert torch.allclose(signals_of(), network.fresh_scheduler().alphas_cumprod, atol=1e-6)
    assert times_of(Sampling(strength=0)) == []
    assert times_of(Sampling(20, 0.5))[0] == 499
    assert len(times_of(Sampling(20, 0.05))) == 4


def test_painting_leaves_what_is_not_masked(model: FaceInpaintModel):
    frame = portrait(64)
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 16:48] = 255
    job = FrameRepaint(frame, mask, reference=frame, mesh=mesh_at((32, 32), 20), color=frame)
    assert conditions_of(model, job).shape == (1, 34, 8, 8)
    seen: list[tuple[int, int]] = []
    painted = repaint(model, job, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (10, 10)
    outside = mask == 0
    assert np.array_equal(painted[outside], frame[outside])
    assert not np.array_equal(painted, frame)
    assert np.array_equal(painted, repaint(model, job))
    untouched = repaint(model, FrameRepaint(frame, mask, sampling=Sampling(strength=0)))
    assert np.abs(untouched.astype(int) - frame).max() <= 1


def test_a_cancelled_repaint_stops(model: FaceInpaintModel):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    job = FrameRepaint(portrait(64), np.full((64, 64), 255, np.uint8))
    with pytest.raises(KeyboardInterrupt):
        repaint(model, job, stop)


@pytest.mark.parametrize("side", [60, 100])
def test_a_frame_of_a_wrong_size_is_refused(model: FaceInpaintModel, side: int):
    with pytest.raises(ValueError, match="multiple of 32"):
        repaint(model, FrameRepaint(np.zeros((side, side, 3), np.uint8), np.zeros((side, side), np.uint8)))


def test_a_mask_fades_inside_its_own_edge():
    mask = np.zeros((100, 100), np.uint8)
    mask[20:80, 20:80] = 255
    soft = soft_mask(mask, 0.1)
    assert soft[50, 50] == 1
    assert 0 < soft[50, 22] < 1
    assert not soft[mask == 0].any()


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


def test_a_cache_is_built_from_listed_pictures_and_holds_measured_people_out(tmp_path: Path):
    import cv2

    pictures = tmp_path / "pictures"
    (pictures / "set").mkdir(parents=True)
    rows = ["file,side_px,face_width_fraction"]
    for index in range(5):
        file = f"set/{index}.jpg"
        cv2.imwrite(str(pictures / file), np.full((200, 200, 3), 90 + 20 * index, np.uint8))
        rows.append(f"{file},200,0.5")
    (pictures / "index.csv").write_text("\n".join(rows))

    def find(picture: np.ndarray) -> FoundFace | None:
        shade = int(picture[0, 0, 0])
        if shade < 100:
            return None
        five = np.array([[80, 90], [120, 90], [100, 105], [85, 125], [115, 125]])
        return FoundFace(mesh_at((100, 100), 45), five, np.full(4, shade / 100))

    build_cache(pictures, find, np.full((1, 4), 1.3, np.float32), tmp_path / "out", held_out=2)
    built = read_cache(tmp_path / "out")
    assert [record.file for record in built.records] == [f"set/{index}.jpg" for index in range(1, 5)]
    assert built.records[1].held_out  # shade 130 is the person to avoid
    assert sum(record.held_out for record in built.records) >= 2
    assert built.canvases[0].shape == (CANVAS, CANVAS, 3)
    middle = built.meshes[0][list(OVAL)].mean(0)
    assert np.abs(middle - CANVAS / 2).max() < 20


def test_darker_skin_has_a_smaller_tone():
    mesh = mesh_at((160, 160), 80)
    tones = [
        skin_tone(np.full((CANVAS, CANVAS, 3), color, np.uint8), mesh)
        for color in ((240, 210, 190), (180, 130, 100), (80, 50, 40))
    ]
    assert tones[0] > tones[1] > tones[2]


def test_captions_are_distinct():
    assert len(set(CAPTIONS)) == len(CAPTIONS) == 28
    assert (
        CAPTIONS[caption_index(np.full((SIDE, SIDE, 3), 200, np.uint8))]
        == "1person, portrait, bright, cool, soft photo"
    )


def test_painting_from_noise_needs_no_start(model: FaceInpaintModel):
    conditions = torch.zeros(1, 34, 8, 8)
    conditions[:, 12] = 1
    states = model.frozen.states([""])
    one, two = (
        paint(model.unet, conditions, states, torch.full((1, 12, 8, 8), value), Sampling(4, 1.0))
        for value in (0.0, 9.0)
    )
    assert (one - two).abs().mean() < 2  # at the last time a 200th of the start is left
