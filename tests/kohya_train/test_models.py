import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from single_file import write_single_file
from tiny_base import WIDTH

from kohya_train.checkpoint_architecture import NotForTraining, architecture
from kohya_train.contract import TrainConfig
from kohya_train.families import spec_of
from kohya_train.models import BadBaseModel, Bundle, load

FAMILIES = ("sd15", "sdxl")


def assert_same_model(whole: Bundle, single: Bundle) -> None:
    """Text, U-Net and autoencoder compute the same."""
    with torch.no_grad():
        texts = [bundle.encode_text(["a face"]) for bundle in (whole, single)]
        torch.testing.assert_close(*(states for states, _ in texts))
        noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
        states, pooled = texts[0]
        extra = {} if pooled is None else {"text_embeds": pooled, "time_ids": torch.full((1, 6), 64.0)}
        torch.testing.assert_close(
            *(bundle.unet(noise, 5, states, added_cond_kwargs=extra).sample for bundle in (whole, single))
        )
        torch.testing.assert_close(*(bundle.vae.decode(noise).sample for bundle in (whole, single)))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_single_file_is_the_same_model_as_its_folder(
    config: TrainConfig, base: Callable[[str], Path], tmp_path: Path, family: str
):
    folder = shutil.copytree(base(family), tmp_path / "base")
    file = write_single_file(folder, tmp_path / "mödel.safetensors", family)
    config = replace(config, family=family)
    whole = load(replace(config, base_model=str(folder)))
    for weights in folder.rglob("*.safetensors"):
        weights.unlink()  # the configuration folder has none
    single = load(replace(config, base_model=str(file), config_folder=str(folder)))
    assert_same_model(whole, single)
    assert single.noise_levels == 1000


@pytest.mark.parametrize("family", FAMILIES)
def test_a_narrow_file_is_loaded_with_its_own_widths(
    config: TrainConfig, base: Callable[[str], Path], tmp_path: Path, family: str
):
    """Its family's configuration says other widths; the file's own tensors decide."""
    folder = shutil.copytree(base(family), tmp_path / "base")
    file = write_single_file(folder, tmp_path / "narrow.safetensors", family)
    widths = json.loads((folder / "unet" / "config.json").read_text())["block_out_channels"]
    wide = shutil.copytree(folder, tmp_path / "wide")
    for part in ("unet", "vae", *(one.name for one in wide.glob("text_encoder*"))):
        widen(wide / part / "config.json")
    bundle = load(replace(config, family=family, base_model=str(file), config_folder=str(wide)))
    assert list(bundle.unet.config.block_out_channels) == widths
    assert bundle.unet.config.cross_attention_dim == sum(e.config.hidden_size for e in bundle.text_encoders)
    with torch.no_grad():
        states, pooled = bundle.encode_text(["a face"])
        extra = {} if pooled is None else {"text_embeds": pooled, "time_ids": torch.full((1, 6), 64.0)}
        assert bundle.unet(torch.zeros(1, 4, 8, 8), 5, states, added_cond_kwargs=extra).sample.isfinite().all()


def widen(file: Path) -> None:
    """Every width in a configuration doubled."""
    config = json.loads(file.read_text())
    for name in ("cross_attention_dim", "hidden_size", "intermediate_size", "projection_dim"):
        if name in config:
            config[name] *= 2
    if "block_out_channels" in config:
        config["block_out_channels"] = [2 * width for width in config["block_out_channels"]]
    file.write_text(json.dumps(config))


def test_a_full_size_file_keeps_the_configuration_as_it_is(base: Callable[[str], Path], tmp_path: Path):
    folder = shutil.copytree(base("sd15"), tmp_path / "base")
    file = write_single_file(folder, tmp_path / "model.safetensors")
    with architecture(file, folder, spec_of("sd15").fits) as fitting:
        assert fitting == folder


def test_an_inpainting_checkpoint_is_refused_by_its_name(base: Callable[[str], Path], tmp_path: Path):
    folder = shutil.copytree(base("sd15"), tmp_path / "base")
    file = write_single_file(folder, tmp_path / "model.safetensors")
    tensors = load_file(file)
    first = "model.diffusion_model.input_blocks.0.0.weight"
    tensors[first] = torch.zeros(WIDTH, 9, 3, 3)
    save_file(tensors, file)
    with pytest.raises(NotForTraining, match="inpainting"), architecture(file, folder, spec_of("sd15").fits):
        pass


@pytest.mark.parametrize("gap", ["text_encoder", "unet"])
def test_a_gap_is_never_filled_with_random_weights(
    config: TrainConfig, base: Callable[[str], Path], tmp_path: Path, gap: str
):
    folder = shutil.copytree(base("sd15"), tmp_path / "base")
    file = next((folder / gap).glob("*.safetensors"))
    tensors = load_file(file)
    tensors.pop(next(name for name in sorted(tensors) if name.endswith("weight")))
    save_file(tensors, file, {"format": "pt"})
    with pytest.raises(BadBaseModel, match="weights"):
        load(replace(config, family="sd15", base_model=str(folder)))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("model.ckpt", "pickle-base-model"),
        ("model.safetensors", "no-architecture"),
        ("empty", "base-model-not-loaded"),
    ],
)
def test_what_cannot_be_loaded_is_refused(config: TrainConfig, tmp_path: Path, name: str, code: str):
    (tmp_path / "empty").mkdir()
    if name != "empty":
        (tmp_path / name).write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(BadBaseModel, match=code):
        load(replace(config, family="sd15", base_model=str(tmp_path / name)))


def test_pickles_in_a_folder_are_not_opened(config: TrainConfig, base: Callable[[str], Path], tmp_path: Path):
    folder = shutil.copytree(base("built-in"), tmp_path / "base")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").rename(folder / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(BadBaseModel):
        load(replace(config, base_model=str(folder)))


def test_the_embedded_model_is_trained_where_it_was_trained(config: TrainConfig):
    assert load(config).noise_levels == 650


def test_the_shipped_base_takes_its_modules(config: TrainConfig):
    from easyphoto.paths import shipped_models
    from kohya_train.network import inject_lora

    bundle = load(replace(config, base_model=str(shipped_models() / "builtin" / "base")))
    network = inject_lora(bundle, config)
    # two text layers; transformers: one in the middle, one a level going down, two going up, on two levels
    assert (len(network.text), len(network.unet)) == (2 * 6, (1 + 2 + 4) * 12)


def marked(
    base: Callable[[str], Path], tmp_path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> TrainConfig:
    """A training on a single file whose tensors are changed."""
    from safetensors.torch import load_file, save_file

    folder = base("sd15")
    file = write_single_file(folder, tmp_path / "model.safetensors")
    save_file(change(load_file(file)), file)
    return TrainConfig("sd15", str(file), "", "", steps=1, config_folder=str(folder), rank=4, alpha=2.0)


def test_a_single_files_marks_say_its_objective(base: Callable[[str], Path], tmp_path: Path):
    config = marked(base, tmp_path, lambda all_: {**all_, "v_pred": torch.zeros(1), "ztsnr": torch.zeros(1)})
    scheduler = load(config).scheduler
    assert (scheduler.config.prediction_type, scheduler.config.rescale_betas_zero_snr) == ("v_prediction", True)
    assert float(scheduler.alphas_cumprod[-1]) < 1e-6
    with pytest.raises(NotForTraining, match="edm-checkpoint"):
        load(marked(base, tmp_path, lambda all_: {**all_, "edm_mean": torch.zeros(1)}))


def test_text_encoders_with_old_names_are_read(base: Callable[[str], Path], tmp_path: Path):
    plain = load(marked(base, tmp_path, lambda all_: all_)).encode_text(["a face"])[0]
    old = marked(
        base,
        tmp_path,
        lambda all_: {name.replace("transformer.text_model.", "transformer."): one for name, one in all_.items()},
    )
    assert torch.equal(load(old).encode_text(["a face"])[0], plain)
