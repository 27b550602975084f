import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from single_file import write_single_file

from kohya_train.contract import TrainConfig
from kohya_train.models import BadBaseModel, load


def test_a_single_file_is_the_same_model_as_its_folder(
    config: TrainConfig, base: Callable[[str], Path], tmp_path: Path
):
    folder = shutil.copytree(base("sd15"), tmp_path / "base")
    file = write_single_file(folder, tmp_path / "mödel.safetensors")
    config = replace(config, family="sd15")
    whole = load(replace(config, base_model=str(folder)))
    for weights in folder.rglob("*.safetensors"):
        weights.unlink()  # the configuration folder has none
    single = load(replace(config, base_model=str(file), config_folder=str(folder)))
    with torch.no_grad():
        texts = [bundle.encode_text(["a face"])[0] for bundle in (whole, single)]
        torch.testing.assert_close(*texts)
        noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(*(bundle.unet(noise, 5, texts[0]).sample for bundle in (whole, single)))
        torch.testing.assert_close(*(bundle.vae.decode(noise).sample for bundle in (whole, single)))
    assert single.noise_levels == 1000


@pytest.mark.parametrize("name", ["model.ckpt", "model.safetensors", "empty"])
def test_what_cannot_be_loaded_is_refused(config: TrainConfig, tmp_path: Path, name: str):
    (tmp_path / "empty").mkdir()
    if name != "empty":
        (tmp_path / name).write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(BadBaseModel, match=name):
        load(replace(config, family="sd15", base_model=str(tmp_path / name)))


def test_pickles_in_a_folder_are_not_opened(config: TrainConfig, base: Callable[[str], Path], tmp_path: Path):
    folder = shutil.copytree(base("embedded"), tmp_path / "base")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").rename(folder / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(BadBaseModel):
        load(replace(config, base_model=str(folder)))


def test_the_embedded_model_is_trained_where_it_was_trained(config: TrainConfig):
    assert load(config).noise_levels == 650


def test_the_shipped_base_takes_its_modules(config: TrainConfig):
    from easyphoto.paths import shipped_models
    from kohya_train.network import install

    bundle = load(replace(config, base_model=str(shipped_models() / "embedded" / "base")))
    network = install(bundle, config)
    # two text layers; transformers: one in the middle, one a level going down, two going up, on two levels
    assert (len(network.text), len(network.unet)) == (2 * 6, (1 + 2 + 4) * 12)
