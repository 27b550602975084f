"""A training as three trainers are told it: EasyPhoto's, sd-scripts, diffusers' example; its base and pictures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "models" / "configs" / "sd15"
CAPTION = "sks person, portrait"
PICTURES = 8
REPEATS = 100  # in one epoch, so that nobody starts workers anew between epochs
KOHYA_TOKENIZER = "openai_clip-vit-large-patch14"


@dataclass(frozen=True)
class Training:
    """What all of them are asked for."""

    folder: Path  # base/, data/100_person/, tokenizers/
    width: int  # channels of the U-Net's first level; 320 is SD 1.5
    steps: int
    batch: int
    resolution: int
    rank: int
    precision: str = "no"  # as accelerate says it

    @property
    def pictures(self) -> Path:
        """The folder with the pictures themselves."""
        return self.folder / "data" / f"{REPEATS}_person"


@dataclass(frozen=True)
class OtherTrainers:
    """Where they lie: sd-scripts' folder, the example's file, and a Python with the packages of each."""

    kohya: Path | None
    kohya_python: str
    diffusers: Path | None
    diffusers_python: str


Command = tuple[str, list[str]]
"""The interpreter, and what `step_marks` is to run."""


def ours(training: Training, out: Path, equal: bool, python: str) -> Command:
    """EasyPhoto's trainer; by default its precision, crops and mirroring are its own choice."""
    job = {
        "version": 1,
        "family": "sd15",
        "base_model": str(training.folder / "base"),
        "data_folder": str(training.folder / "data"),
        "output_folder": str(out),
        "machine_folder": str(training.folder / "machine"),
        "steps": training.steps,
        "save_steps": training.steps,
        "resolution": training.resolution,
        "batch_size": training.batch,
        "rank": training.rank,
        "alpha": training.rank,
    }
    if equal:
        precision = "fp32" if training.precision == "no" else training.precision
        job |= {"precision": precision, "random_crop": False, "flip_aug": False}
    out.mkdir(parents=True)
    (out / "job.json").write_text(json.dumps(job), encoding="utf-8")
    return python, ["module", "kohya_train", "--config", str(out / "job.json")]


def kohya(training: Training, out: Path, equal: bool, others: OtherTrainers) -> Command:
    """sd-scripts; by default neither cached latents nor torch's attention, and a worker that reads pictures."""
    assert others.kohya is not None
    named = {
        "pretrained_model_name_or_path": training.folder / "base",
        "tokenizer_cache_dir": training.folder / "tokenizers",
        "train_data_dir": training.folder / "data",
        "output_dir": out,
        "save_model_as": "safetensors",
        "max_train_steps": training.steps,
        "resolution": training.resolution,
        "train_batch_size": training.batch,
        "network_module": "networks.lora",
        "network_dim": training.rank,
        "network_alpha": training.rank,
        "unet_lr": 1e-4,
        "text_encoder_lr": 5e-5,
        "caption_extension": ".txt",
        "seed": 42,
    }
    if equal:
        named |= {"mixed_precision": training.precision, "max_data_loader_n_workers": 0}
    switches = ["--cache_latents", "--sdpa"] if equal else []
    channels = ",".join(map(str, channels_of(training.width)))
    script = str(others.kohya / "train_network.py")
    return others.kohya_python, ["script", script, "--channels", channels, *_options(named), *switches]


def diffusers(training: Training, out: Path, equal: bool, others: OtherTrainers) -> Command:
    """The example of DreamBooth with LoRA: the attention's four products only; it caches no latents in any case."""
    named = {
        "pretrained_model_name_or_path": training.folder / "base",
        "instance_data_dir": training.folder / "plain",
        "instance_prompt": CAPTION,
        "output_dir": out,
        "max_train_steps": training.steps,
        "resolution": training.resolution,
        "train_batch_size": training.batch,
        "rank": training.rank,
        "learning_rate": 1e-4,
        "seed": 42,
    }
    assert others.diffusers is not None
    if equal:
        named |= {"mixed_precision": training.precision}
    switches = ["--train_text_encoder"] if equal else []
    return others.diffusers_python, ["script", str(others.diffusers), *_options(named), *switches]


def _options(named: Mapping[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in named.items()]


Maker = Callable[[Training, Path, bool], Command]


def commands(others: OtherTrainers, python: str) -> dict[str, Maker]:
    """The trainers that are there, by name."""
    made: dict[str, Maker] = {"EasyPhoto": lambda training, out, equal: ours(training, out, equal, python)}
    if others.kohya:
        made["sd-scripts"] = lambda training, out, equal: kohya(training, out, equal, others)
    if others.diffusers:
        made["diffusers' example"] = lambda training, out, equal: diffusers(training, out, equal, others)
    return made


# ---------------------------------------------------------------- base and pictures


def channels_of(width: int) -> tuple[int, int, int, int]:
    """Of the U-Net's levels, in SD 1.5's proportion."""
    return width, 2 * width, 4 * width, 4 * width


def make_world(training: Training) -> None:
    """A diffusers folder of SD 1.5's structure with random weights in fp32, and pictures with captions."""
    _make_base(training.folder / "base", training.width)
    shutil.copytree(CONFIG / "tokenizer", training.folder / "tokenizers" / KOHYA_TOKENIZER)
    photo = Image.open(ROOT / "models" / "samples" / "astronaut.png").convert("RGB")
    training.pictures.mkdir(parents=True)
    (training.folder / "plain").mkdir()
    for number in range(PICTURES):
        file = training.pictures / f"{number}.png"
        photo.rotate(number).resize((training.resolution,) * 2).save(file)
        file.with_suffix(".txt").write_text(CAPTION, encoding="utf-8")
        shutil.copy(file, training.folder / "plain")


def _make_base(folder: Path, width: int) -> None:
    """Every network narrower by the same share; depth, heads and layers stay."""
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from safetensors.torch import load_file, save_file
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    text = {"hidden_size": 768 * width // 320, "intermediate_size": 3072 * width // 320}
    unet = {"block_out_channels": channels_of(width), "cross_attention_dim": text["hidden_size"]}
    vae = {"block_out_channels": tuple(n * width // 320 for n in (128, 256, 512, 512))}
    for kind, name, narrower in ((UNet2DConditionModel, "unet", unet), (AutoencoderKL, "vae", vae)):
        kind.from_config({**kind.load_config(CONFIG, subfolder=name), **narrower}).save_pretrained(folder / name)
    CLIPTextModel(CLIPTextConfig.from_pretrained(CONFIG / "text_encoder", **text)).save_pretrained(
        folder / "text_encoder"
    )
    file = folder / "text_encoder" / "model.safetensors"
    # transformers 4 reads the names with the level that version 5 leaves out.
    tensors = {f"text_model.{name.removeprefix('text_model.')}": one for name, one in load_file(file).items()}
    save_file(tensors, file, {"format": "pt"})
    for name in ("tokenizer", "scheduler"):
        shutil.copytree(CONFIG / name, folder / name)
    parts = json.loads((CONFIG / "model_index.json").read_text(encoding="utf-8"))
    there = {name: kind for name, kind in parts.items() if name.startswith("_") or (folder / name).is_dir()}
    none = {name: [None, None] for name in ("safety_checker", "feature_extractor", "image_encoder")}
    index = {**there, **none, "requires_safety_checker": False}
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
