"""What the model sees: frames, geometry maps, degraded faces, views, pools, caches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from inpaint_world import mesh_at, portrait

from builtin_model.inpaint.cache import CANVAS, FaceCache, FaceRecord, FoundFace, build_cache, read_cache, skin_tone
from builtin_model.inpaint.captions import CAPTIONS, caption_index
from builtin_model.inpaint.degradation import MEASURED, TRAINED, degrade
from builtin_model.inpaint.evaluation import held_out_batch
from builtin_model.inpaint.frame import SIDE, frame_of
from builtin_model.inpaint.geometry import MAPS, geometry_maps, oval_mask
from builtin_model.inpaint.parts import Frozen
from builtin_model.inpaint.pool import Dropout, ViewPool, balance, dropped
from builtin_model.inpaint.repaint import detail_of, laid_back
from builtin_model.inpaint.views import STILL, color_hint, draw_view, without
from builtin_model.mesh_indices import OVAL


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
