import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from tiny_base import CAPTION

from kohya_train.contract import TrainConfig
from kohya_train.dataset import CROPS, BadData, cache, draw, find_examples
from kohya_train.models import load


def put(folder: Path, names: list[str]) -> Path:
    (folder / "train").mkdir(parents=True)
    for name in names:
        Image.new("RGB", (8, 8)).save(folder / "train" / name)
    return folder


def test_pictures_come_in_numeric_order_whatever_their_suffix(tmp_path: Path):
    put(tmp_path, ["10.png", "9.JPG", "a b.png", "1.webp"])
    for file in list((tmp_path / "train").iterdir()):
        file.with_suffix(".txt").write_text('it\'s "her"\n', encoding="utf-8")
    (tmp_path / "train" / "notes.md").write_text("not a picture")
    found = find_examples(tmp_path)
    assert [example.file.name for example in found] == ["1.webp", "9.JPG", "10.png", "a b.png"]
    assert found[0].caption == 'it\'s "her"'


def test_captions_may_stand_in_metadata(tmp_path: Path):
    put(tmp_path, ["0.png"])
    row = {"file_name": "train/0.png", "text": 'it\'s [a] list, "really" 爱'}
    (tmp_path / "metadata.jsonl").write_text(json.dumps(row) + "\n\n", encoding="utf-8")
    assert find_examples(tmp_path)[0].caption == row["text"]


@pytest.mark.parametrize("metadata", ["", "{", '{"file_name": "0.png"}', "[]", '{"file_name": "1.png", "text": "x"}'])
def test_a_picture_without_caption_is_refused(tmp_path: Path, metadata: str):
    put(tmp_path, ["0.png"])
    (tmp_path / "metadata.jsonl").write_text(metadata)
    with pytest.raises(BadData):
        find_examples(tmp_path)


def test_an_empty_folder_and_a_broken_picture_are_refused(tmp_path: Path, config: TrainConfig):
    with pytest.raises(BadData, match="no-pictures"):
        find_examples(tmp_path)
    put(tmp_path, [])
    (tmp_path / "train" / "0.png").write_bytes(b"not a picture")
    (tmp_path / "train" / "0.txt").write_text("x")
    with pytest.raises(BadData, match=r"0\.png"):
        cache(load(config), find_examples(tmp_path), 64, 0)


def test_every_view_is_an_encoded_crop_and_its_mirror(config: TrainConfig, pictures: Path):
    bundle = load(config)
    views = cache(bundle, find_examples(pictures), 64, 1)
    assert [len(one) for one in views] == [2 * CROPS, 2, 2 * CROPS]  # the second is square
    for straight, mirrored in zip(views[0][::2], views[0][1::2], strict=True):
        assert straight.mean.shape == (12, 8, 8)
        assert straight.caption == CAPTION
        assert straight.time_ids == mirrored.time_ids
        assert not torch.equal(straight.mean, mirrored.mean)
    again = cache(bundle, find_examples(pictures), 64, 1)
    assert torch.equal(again[2][-1].mean, views[2][-1].mean)
    assert views[0][0].time_ids[:2] == (80.0, 96.0)  # original height, width


def test_the_mirror_of_a_symmetric_picture_is_itself(config: TrainConfig, tmp_path: Path):
    put(tmp_path, [])
    picture = Image.new("RGB", (64, 64), (10, 200, 90))
    picture.paste((250, 0, 0), (16, 10, 48, 40))
    picture.save(tmp_path / "train" / "0.png")
    (tmp_path / "train" / "0.txt").write_text("x")
    straight, mirrored = cache(load(config), find_examples(tmp_path), 64, 0)[0]
    torch.testing.assert_close(straight.mean, mirrored.mean)


def test_sd_latents_are_drawn_from_a_distribution_and_scaled(
    config: TrainConfig, base: Callable[[str], Path], pictures: Path
):
    bundle = load(replace(config, family="sd15", base_model=str(base("sd15"))))
    view = cache(bundle, find_examples(pictures)[:1], 64, 1)[0][0]
    first, second = (view.latent(torch.Generator().manual_seed(n)) for n in range(2))
    assert view.deviation is not None
    assert not torch.equal(first, second)
    spread = ((first - view.mean) / view.deviation).std()
    assert 0.8 < float(spread) < 1.2


def test_a_batch_is_the_same_for_the_same_generator(config: TrainConfig, pictures: Path):
    views = cache(load(config), find_examples(pictures), 64, 1)
    first, second = (draw(views, [0, 2, 2], torch.Generator().manual_seed(5)) for _ in range(2))
    assert first.latents.shape == (3, 12, 8, 8)
    assert first.captions == (CAPTION,) * 3
    assert first.time_ids.shape == (3, 6)
    assert torch.equal(first.latents, second.latents)
