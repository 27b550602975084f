"""Pictures, captions, crops and latents of a folder."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from tiny_base import CAPTION

from kohya_train import latents
from kohya_train.contract import TrainConfig
from kohya_train.crops import CROPS, buckets, crops, target_size
from kohya_train.examples import BadData, drawn_caption, find_examples
from kohya_train.latents import LatentStore
from kohya_train.models import load


def put(folder: Path, names: list[str]) -> Path:
    (folder / "train").mkdir(parents=True)
    for name in names:
        Image.new("RGB", (8, 8)).save(folder / "train" / name)
    return folder


def store(config: TrainConfig) -> LatentStore:
    return LatentStore(load(config), find_examples(config), config)


def generator(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_pictures_come_in_numeric_order_whatever_their_suffix(config: TrainConfig, tmp_path: Path):
    put(tmp_path, ["10.png", "9.JPG", "a b.png", "1.webp", "1-masklabel.png"])
    for file in list((tmp_path / "train").iterdir()):
        file.with_suffix(".txt").write_text('it\'s "her"\n', encoding="utf-8")
    (tmp_path / "train" / "notes.md").write_text("not a picture")
    found = find_examples(replace(config, data_folder=str(tmp_path)))
    assert [example.file.name for example in found] == ["1.webp", "9.JPG", "10.png", "a b.png"]
    assert found[0].caption == 'it\'s "her"'
    assert [example.mask is not None for example in found] == [True, False, False, False]


def test_captions_may_stand_in_metadata_or_be_the_trigger(config: TrainConfig, tmp_path: Path):
    put(tmp_path, ["0.png", "1.png"])
    row = {"file_name": "train/0.png", "text": 'it\'s [a] list, "really" 爱'}
    (tmp_path / "metadata.jsonl").write_text(json.dumps(row) + "\n\n", encoding="utf-8")
    found = find_examples(replace(config, data_folder=str(tmp_path), trigger_word="sks"))
    assert [one.caption for one in found] == [row["text"], "sks"]


@pytest.mark.parametrize("metadata", ["", "{", '{"file_name": "0.png"}', "[]", '{"file_name": "1.png", "text": "x"}'])
def test_a_picture_without_caption_is_refused(config: TrainConfig, tmp_path: Path, metadata: str):
    put(tmp_path, ["0.png"])
    (tmp_path / "metadata.jsonl").write_text(metadata)
    with pytest.raises(BadData):
        find_examples(replace(config, data_folder=str(tmp_path)))


def test_any_folder_will_do_and_kohyas_folders_repeat(config: TrainConfig, tmp_path: Path):
    for name in ("a.png", "3_cat/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name)
        (tmp_path / name).with_suffix(".caption").write_text("a cat")
    found = find_examples(replace(config, data_folder=str(tmp_path), caption_extension=".caption"))
    assert [one.file.name for one in found] == ["a.png", "b.png", "b.png", "b.png"]


def test_regularization_pictures_come_as_often_with_their_weight(config: TrainConfig, pictures: Path, tmp_path: Path):
    Image.new("RGB", (64, 64)).save(tmp_path / "class.png")
    (tmp_path / "class.txt").write_text("a man")
    found = find_examples(replace(config, reg_folder=str(tmp_path), prior_loss_weight=0.5))
    assert [(one.caption, one.weight) for one in found] == [(CAPTION, 1.0)] * 3 + [("a man", 0.5)] * 3


def test_an_empty_folder_and_a_broken_picture_are_refused(tmp_path: Path, config: TrainConfig):
    config = replace(config, data_folder=str(tmp_path))
    with pytest.raises(BadData, match="no-pictures"):
        find_examples(config)
    put(tmp_path, [])
    (tmp_path / "train" / "0.png").write_bytes(b"not a picture")
    (tmp_path / "train" / "0.txt").write_text("x")
    with pytest.raises(BadData, match=r"0\.png"):
        store(config)


# ---------------------------------------------------------------- captions


def test_captions_are_left_out_and_shuffled_behind_the_kept_tags(config: TrainConfig):
    dropping = replace(config, caption_dropout_rate=0.5)
    drawn = [drawn_caption("a, b", dropping, generator(n)) for n in range(40)]
    assert 10 <= drawn.count("") <= 30
    shuffling = replace(config, shuffle_caption=True, keep_tokens=1)
    orders = {drawn_caption("sks, b, c, d", shuffling, generator(n)) for n in range(20)}
    assert len(orders) > 3
    assert all(one.startswith("sks, ") and sorted(one.split(", ")) == ["b", "c", "d", "sks"] for one in orders)


# ---------------------------------------------------------------- crops


def test_buckets_keep_a_pictures_shape(config: TrainConfig):
    config = replace(config, resolution=512, enable_bucket=True)
    assert target_size((1000, 1000), config) == (512, 512)
    width, height = target_size((1000, 1500), config)
    assert (width % 64, height % 64) == (0, 0)
    assert abs(width / height - 1000 / 1500) < 0.08
    assert all(w * h <= 512 * 512 for w, h in buckets(512, 64))
    assert target_size((1000, 1500), replace(config, enable_bucket=False)) == (512, 512)


def test_crops_keep_the_masked_part_inside(config: TrainConfig):
    config = replace(config, resolution=100)
    face = (0.1, 0.0, 0.3, 1.0)  # left in a wide picture
    found = crops((300, 100), config, face, generator())
    assert len(found) == CROPS
    assert all(one.left <= 30 and one.left + 100 >= 90 for one in found)
    assert any(one.left + 100 > 200 for one in crops((300, 100), config, None, generator()))
    assert [one.left for one in crops((300, 100), replace(config, random_crop=False), None, generator())] == [100]


# ---------------------------------------------------------------- latents


def test_every_view_is_an_encoded_crop_and_its_mirror(config: TrainConfig):
    views = store(config)
    assert [len(one) for one in views.of_example] == [2 * CROPS, 2, 2 * CROPS]  # the second is square
    for straight, mirrored in zip(views.of_example[0][::2], views.of_example[0][1::2], strict=True):
        assert views.latent(straight).mean.shape == (12, 8, 8)
        assert views.views[straight].crop.time_ids == views.views[mirrored].crop.time_ids
        assert not torch.equal(views.latent(straight).mean, views.latent(mirrored).mean)
    assert views.views[0].crop.time_ids[:2] == (80.0, 96.0)  # original height, width
    assert all(
        len(one) == len(mine) // 2
        for one, mine in zip(store(replace(config, flip_aug=False)).of_example, views.of_example, strict=True)
    )


def test_views_are_encoded_in_batches_mirrored_when_drawn_and_never_twice(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
):
    batches: list[int] = []
    plain = latents.encode
    monkeypatch.setattr(
        latents, "encode", lambda bundle, pixels: (batches.append(len(pixels)), plain(bundle, pixels))[1]
    )
    views = store(config)
    straight = sum(len(one) for one in views.of_example) // 2
    assert sum(batches) == straight
    assert len(batches) == 1  # small pictures: all of them at once
    views.latent(1)
    assert sum(batches) == 2 * straight  # with its neighbours
    again = store(config)
    again.latent(1)
    assert sum(batches) == 2 * straight  # from the disk
    assert torch.equal(again.latent(1).mean, views.latent(1).mean)
    damaged = next((Path(config.output_folder) / "latents").glob("*.safetensors"))
    damaged.write_bytes(b"damaged")
    third = store(config)
    assert all(torch.equal(third.latent(n).mean, views.latent(n).mean) for n in range(len(views.views)))


def test_the_mirror_of_a_symmetric_picture_is_itself(config: TrainConfig, tmp_path: Path):
    put(tmp_path, [])
    picture = Image.new("RGB", (64, 64), (10, 200, 90))
    picture.paste((250, 0, 0), (16, 10, 48, 40))
    picture.save(tmp_path / "train" / "0.png")
    (tmp_path / "train" / "0.txt").write_text("x")
    views = store(replace(config, data_folder=str(tmp_path)))
    torch.testing.assert_close(views.latent(0).mean, views.latent(1).mean)


def test_sd_latents_are_drawn_from_a_distribution_and_scaled(config: TrainConfig, base: Callable[[str], Path]):
    view = store(replace(config, family="sd15", base_model=str(base("sd15")))).latent(0)
    first, second = (view.drawn(generator(n)) for n in range(2))
    assert view.deviation is not None
    assert not torch.equal(first, second)
    spread = ((first - view.mean) / view.deviation).std()
    assert 0.8 < float(spread) < 1.2


def test_a_batch_is_the_same_for_the_same_generator(config: TrainConfig):
    views = store(config)
    first, second = (views.draw([0, 2, 2], generator())[0] for _ in range(2))
    assert first.latents.shape == (3, 12, 8, 8)
    assert first.captions == (CAPTION,) * 3
    assert first.time_ids.shape == (3, 6)
    assert torch.equal(first.latents, second.latents)


def test_pictures_of_several_shapes_come_as_several_batches(config: TrainConfig):
    config = replace(config, enable_bucket=True, bucket_reso_steps=8)
    batches = store(config).draw([0, 1, 2], generator())
    assert sum(len(one.latents) for one in batches) == 3
    assert len({tuple(one.latents.shape[1:]) for one in batches}) == len(batches) > 1


def test_places_outside_the_mask_weigh_less(config: TrainConfig, tmp_path: Path):
    put(tmp_path, [])
    Image.new("RGB", (64, 64), (10, 200, 90)).save(tmp_path / "train" / "0.png")
    (tmp_path / "train" / "0.txt").write_text("x")
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (0, 0, 32, 64))
    mask.save(tmp_path / "train" / "0-masklabel.png")
    masking = replace(config, data_folder=str(tmp_path), masked_loss=True, unmasked_weight=0.25, flip_aug=False)
    weights = store(masking).draw([0], generator())[0].masks
    assert weights is not None
    assert weights.shape == (1, 1, 8, 8)
    assert torch.equal(weights[0, 0, :, :4], torch.ones(8, 4))
    assert torch.equal(weights[0, 0, :, 4:], torch.full((8, 4), 0.25))


def test_repeats_of_a_picture_share_its_views(config: TrainConfig, tmp_path: Path):
    whole = find_examples(config)
    made = LatentStore(load(config), [*whole, *whole], config)
    assert len(made.views) == len(store(config).views)
    assert made.of_example[: len(whole)] == made.of_example[len(whole) :]
