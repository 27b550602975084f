"""What options do to what is learned, measured on a tiny model: data, weights of the loss, pictures of the class."""

import base64
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tiny_base import make_pictures

from kohya_train import noise, regularization
from kohya_train.contract import TrainConfig
from kohya_train.examples import find_examples
from kohya_train.export import load_weights, read_lora
from kohya_train.latents import LatentStore
from kohya_train.loop import train
from kohya_train.models import apply_config, load
from kohya_train.network import inject_lora


def trained(config: TrainConfig, tmp_path: Path, name: str, **changes: Any) -> dict[str, torch.Tensor]:
    """The last file of a training with these changes."""
    out = tmp_path / name
    asked = replace(config, output_folder=str(out), save_steps=config.steps, **changes)
    train(asked, lambda event: None)
    return read_lora(out / f"checkpoint-{asked.steps}.safetensors")[0]


def ups(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The halves that begin at zero."""
    return {name: one.float() for name, one in tensors.items() if name.endswith("lora_up.weight")}


def size(tensors: dict[str, torch.Tensor]) -> float:
    return float(torch.cat([one.flatten() for one in tensors.values()]).norm())


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def errors(config: TrainConfig, lora: Path | None = None) -> torch.Tensor:
    """Squared errors (n, c, h, w) of the pictures in `config` at the same eight high noise levels."""
    bundle = apply_config(load(config), config)
    network = inject_lora(bundle, config)
    if lora is not None:
        load_weights(network, lora)
    whole = replace(config, random_crop=False, flip_aug=False, output_folder=str(Path(config.output_folder) / "look"))
    examples = find_examples(replace(config, reg_folder=""))
    store = LatentStore(bundle, examples, whole)
    batch = store.draw(list(range(len(examples))) * 8, torch.Generator().manual_seed(1))[0]
    drawn = noise.noise_like(batch.latents, 0, torch.Generator().manual_seed(2))
    levels = torch.linspace(300, 640, len(batch.latents)).long()
    with torch.no_grad():
        hidden, _ = bundle.encode_text(list(batch.captions))
        answer = bundle.unet(bundle.scheduler.add_noise(batch.latents, drawn, levels), levels, hidden).sample
    target = noise.target_of(bundle.scheduler, batch.latents, drawn, levels)
    return noise.pixel_errors(answer, target, "l2", torch.ones(len(levels)))


def put(folder: Path, pictures: list[Image.Image], caption: str) -> Path:
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        picture.save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(caption)
    return folder


def color(rgb: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (64, 64), rgb)


# ---------------------------------------------------------------- masks


@pytest.fixture
def masked(config: TrainConfig, tmp_path: Path) -> TrainConfig:
    """Pictures of which the left half counts, for a training that learns something."""
    folder = put(tmp_path / "halves", [color((200, 60, 30)), color((30, 60, 200))], "sks")
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (0, 0, 32, 64))
    for number in range(2):
        mask.save(folder / f"{number}-masklabel.png")
    learning = replace(config, learning_rate=2e-2, steps=25, batch_size=4, flip_aug=False, rank=8, alpha=8.0)
    return replace(learning, data_folder=str(folder), masked_loss=True)


def test_what_lies_outside_the_mask_is_not_learned(masked: TrainConfig, tmp_path: Path):
    before = errors(masked)
    trained(masked, tmp_path, "masked")
    trained(masked, tmp_path, "whole", masked_loss=False)
    inside, outside = {}, {}
    for name in ("masked", "whole"):
        gain = before - errors(masked, tmp_path / name / "checkpoint-25.safetensors")
        inside[name], outside[name] = float(gain[..., :4].mean()), float(gain[..., 4:].mean())
    assert inside["masked"] > 0.8 * inside["whole"] > 0
    assert outside["masked"] < 0.8 * outside["whole"]


def test_the_weight_outside_goes_from_nothing_to_no_mask_at_all(masked: TrainConfig, tmp_path: Path):
    masked = replace(masked, steps=2)
    assert same(
        trained(masked, tmp_path, "one", unmasked_weight=1.0), trained(masked, tmp_path, "off", masked_loss=False)
    )
    for file in Path(masked.data_folder).glob("*-masklabel.png"):
        Image.new("L", (64, 64), 0).save(file)
    assert size(ups(trained(masked, tmp_path, "nothing", weight_decay=0.0))) == 0.0


# ---------------------------------------------------------------- pictures of the class


def test_pictures_of_the_class_keep_it_as_it_was(config: TrainConfig, tmp_path: Path):
    """What is learned of one thing spoils another, of the same word; with pictures of that one it does not."""
    mine = put(tmp_path / "mine", [color((255, 255, 255))], "sks man")
    kind = put(tmp_path / "kind", [color((0, 0, 0)), color((0, 0, 60))], "man")
    learning = replace(config, data_folder=str(mine), learning_rate=2e-2, steps=20, batch_size=4, rank=8, alpha=8.0)
    learning = replace(learning, v_parameterization=True)  # asks for the picture's own color where there is much noise
    trained(learning, tmp_path, "alone")
    trained(learning, tmp_path, "kept", reg_folder=str(kind))
    of_class = replace(learning, data_folder=str(kind))
    files = {name: tmp_path / name / "checkpoint-20.safetensors" for name in ("alone", "kept")}
    found = {name: float(errors(of_class, file).mean()) for name, file in files.items()}
    assert found["kept"] < 0.8 * found["alone"]
    assert found["alone"] > float(errors(of_class).mean())


def test_the_weight_of_the_class_scales_its_loss(config: TrainConfig, tmp_path: Path):
    mine = put(tmp_path / "mine", [color((220, 40, 20))], "sks")
    kind = put(tmp_path / "kind", [color((20, 90, 200))], "man")
    found = find_examples(replace(config, data_folder=str(mine), reg_folder=str(kind), prior_loss_weight=0.0))
    assert [(one.caption, one.weight) for one in found] == [("sks", 1.0), ("man", 0.0)]
    only = replace(config, data_folder=str(mine), reg_folder=str(kind), prior_loss_weight=0.0, steps=1, batch_size=2)
    other = put(tmp_path / "other", [color((255, 255, 255))], "man")
    nothing = trained(only, tmp_path, "zero")
    assert same(nothing, trained(only, tmp_path, "zero-other", reg_folder=str(other)))
    assert not same(nothing, trained(only, tmp_path, "half", prior_loss_weight=0.5))


def test_the_base_paints_its_class_once_without_the_lora(
    config: TrainConfig, base: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(regularization, "STEPS", 2)
    asked = replace(config, family="sd15", base_model=str(base("sd15")), class_prompt="a man", class_images=2)
    bundle = load(asked)
    network = inject_lora(bundle, asked)
    made = regularization.make_regularization(bundle, network, asked)
    folder = Path(made.reg_folder)
    first = {one.name: one.read_bytes() for one in sorted(folder.glob("*.png"))}
    assert list(first) == ["0.png", "1.png"] and first["0.png"] != first["1.png"]
    assert [one.caption for one in find_examples(made)].count("a man") == 3
    with monkeypatch.context() as never:
        never.setattr(regularization, "_painted", lambda *a: pytest.fail("painted again"))
        assert regularization.make_regularization(bundle, network, asked) == made
    for layer in network.modules.values():
        torch.nn.init.normal_(layer.lora_B.weight, 0, 5.0)
    (folder / "1.png").unlink()
    regularization.make_regularization(bundle, network, asked)
    assert (folder / "1.png").read_bytes() == first["1.png"]
    assert all(layer.enabled for layer in network.modules.values())


# ---------------------------------------------------------------- rates, norms and blocks


def test_rates_of_encoder_halves_and_levels_show_in_the_first_step(config: TrainConfig, tmp_path: Path):
    """The first step of Adam is as long as its rate, wherever the gradient points."""
    config = replace(config, steps=1, learning_rate=1e-3, text_encoder_lr=0.0, max_grad_norm=0.0)
    plain = ups(trained(config, tmp_path, "plain"))
    plus = ups(trained(config, tmp_path, "plus", loraplus_lr_ratio=4.0))
    assert all(name.startswith("lora_unet_") for name in plain)
    assert size(plus) / size(plain) == pytest.approx(4, rel=0.01)
    levels = ups(trained(config, tmp_path, "levels", up_lr_weight=(0.5, 0.0), mid_lr_weight=2.0))
    for part, ratio in (("down_blocks", 1.0), ("mid_block", 2.0), ("up_blocks_0", 0.5)):
        chosen = [name for name in levels if part in name]
        told = size({n: levels[n] for n in chosen}) / size({n: plain[n] for n in chosen}) if chosen else ratio
        assert told == pytest.approx(ratio, rel=0.01), part
    both = trained(config, tmp_path, "text", text_encoder_lr=1e-3, learning_rate=0.0)
    text = {name: one for name, one in ups(both).items() if name.startswith("lora_te_")}
    assert size(text) > 0 == size({name: one for name, one in ups(both).items() if name not in text})


def test_decay_clipping_and_bounded_norms(config: TrainConfig, tmp_path: Path):
    config = replace(config, learning_rate=1e-2)
    plain = trained(config, tmp_path, "plain")
    decayed = trained(config, tmp_path, "decay", weight_decay=1.0)
    assert size(decayed) < size(plain)
    clipped = trained(config, tmp_path, "clip", max_grad_norm=1e-9)
    assert size(ups(clipped)) < 0.2 * size(ups(plain))
    bounded = trained(config, tmp_path, "norms", scale_weight_norms=0.01)
    scale = config.alpha / config.rank
    for name, up in ups(bounded).items():
        down = bounded[name.replace("lora_up", "lora_down")].float()
        assert float((scale * up.flatten(1) @ down.flatten(1)).norm()) < 0.0101


def test_rank_stabilized_products_are_larger_by_the_root_of_the_rank(config: TrainConfig, tmp_path: Path):
    plain, stable = (
        next(iter(inject_lora(load(config), replace(config, rank_stabilized=on)).unet.values())) for on in (False, True)
    )
    for layer in (plain, stable):
        layer.initialize(torch.Generator().manual_seed(0))
        torch.nn.init.ones_(layer.lora_B.weight)
    torch.testing.assert_close(stable.delta(), plain.delta() * config.rank**0.5)


# ---------------------------------------------------------------- what is drawn


def test_crops_mirrors_and_caption_files_are_as_asked(config: TrainConfig, tmp_path: Path):
    folder = make_pictures(tmp_path / "set", count=1)
    (folder / "train" / "0.caption").write_text("another")
    config = replace(config, data_folder=str(folder))
    count = {}
    for crop in (False, True):
        for flip in (False, True):
            shaped = replace(config, random_crop=crop, flip_aug=flip)
            count[crop, flip] = len(LatentStore(load(shaped), find_examples(shaped), shaped).views)
    assert count == {(False, False): 1, (False, True): 2, (True, False): 4, (True, True): 8}
    assert find_examples(replace(config, caption_extension=".caption"))[0].caption == "another"


def test_a_second_training_reads_the_cache_of_the_first(config: TrainConfig, tmp_path: Path):
    cached = tmp_path / "cache"
    trained(replace(config, steps=1), tmp_path, "one", cache_folder=str(cached))
    kept = {file.name: file.stat().st_mtime_ns for file in (cached / "latents").iterdir()}
    trained(replace(config, steps=1), tmp_path, "two", cache_folder=str(cached))
    assert {file.name: file.stat().st_mtime_ns for file in (cached / "latents").iterdir()} == kept
    assert not (tmp_path / "two" / "latents").exists()


def test_threads_are_as_asked(config: TrainConfig, monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    train(replace(config, steps=1, threads=3), lambda event: None)
    train(replace(config, steps=1, threads=0), lambda event: None)
    assert asked == [3]


# ---------------------------------------------------------------- what is told


def test_a_file_says_what_it_is_and_what_it_came_from(config: TrainConfig, tmp_path: Path):
    Image.new("RGB", (600, 300), (200, 30, 30)).save(tmp_path / "face.png")
    trained(config, tmp_path, "first")
    told = {"trigger_word": "sks", "license": "CC0", "author": "me", "thumbnail": str(tmp_path / "face.png")}
    first = str(tmp_path / "first" / "checkpoint-4.safetensors")
    asked = replace(config, name="my_lora", loraplus_lr_ratio=4.0, min_snr_gamma=5.0, network_weights=first, **told)
    trained(asked, tmp_path, "second")
    _, said = read_lora(tmp_path / "second" / "checkpoint-4.safetensors")
    spec = {name.removeprefix("modelspec."): value for name, value in said.items() if name.startswith("modelspec.")}
    assert (spec["title"], spec["trigger_phrase"], spec["license"], spec["author"]) == ("my_lora", "sks", "CC0", "me")
    assert spec["merged_from"] == "checkpoint-4" and spec["prediction_type"] == "epsilon"
    assert thumbnail(spec["thumbnail"]).size == (256, 128)
    assert json.loads(said["ss_network_args"]) == {"loraplus_lr_ratio": 4.0}
    assert json.loads(said["ss_tag_frequency"]) == {"train": {"easyphoto_face, easyphoto, 1person": 3}}
    expected = {"ss_network_dim": "4", "ss_network_alpha": "2.0", "ss_min_snr_gamma": "5.0", "ss_steps": "4"}
    expected |= {"ss_output_name": "my_lora", "ss_num_train_images": "3", "ss_total_batch_size": "2", "ss_epoch": "2"}
    assert {name: said[name] for name in expected} == expected


def thumbnail(url: str) -> Image.Image:
    kind, _, data = url.partition(";base64,")
    assert kind == "data:image/jpeg"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_tensorboard_gets_every_step(config: TrainConfig, tmp_path: Path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    trained(replace(config, lr_scheduler="linear"), tmp_path, "seen", log_with="tensorboard")
    seen = events.EventAccumulator(str(tmp_path / "seen" / "logs")).Reload()
    assert set(seen.Tags()["scalars"]) == {
        f"train/{name}" for name in ("loss", "learning_rate", "pictures_per_second", "memory_mb")
    }
    rates = seen.Scalars("train/learning_rate")
    assert [one.step for one in rates] == [1, 2, 3, 4]
    assert [one.value for one in rates] == pytest.approx([1e-4, 0.75e-4, 0.5e-4, 0.25e-4])
    assert all(one.value > 0 for one in seen.Scalars("train/memory_mb"))
