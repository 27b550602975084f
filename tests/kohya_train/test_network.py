from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

from kohya_train import network as module
from kohya_train.contract import TrainConfig
from kohya_train.export import hashes, read_lora, write_lora
from kohya_train.metadata import metadata
from kohya_train.models import Bundle, load
from kohya_train.network import WrongCount, inject_lora

COUNTS = {"sd15": (72, 192), "sdxl": (264, 722), "built-in": (12, 48)}


@pytest.fixture
def bundle(config: TrainConfig, base: Callable[[str], Path], request: pytest.FixtureRequest) -> Bundle:
    return load(config_for(config, base, request.param))


def config_for(config: TrainConfig, base: Callable[[str], Path], family: str) -> TrainConfig:
    return replace(config, family=family, base_model=str(base(family)))


@pytest.mark.parametrize("bundle", COUNTS, indirect=True)
def test_each_family_has_its_number_of_modules(bundle: Bundle, config: TrainConfig):
    network = inject_lora(bundle, config)
    assert (len(network.text), len(network.unet)) == COUNTS[bundle.family]
    trained = {id(weight) for weight in network.tensors().values()}
    assert {id(w) for model in bundle.models for w in model.parameters() if w.requires_grad} == trained
    for name, weight in network.tensors().items():
        assert weight.dtype is torch.float32
        assert weight.shape[1 if "lora_up" in name else 0] == config.rank
        assert bool(weight.any()) == ("lora_down" in name)


@pytest.mark.parametrize("bundle", ["sd15"], indirect=True)
def test_sd15_keys_are_kohyas(bundle: Bundle, config: TrainConfig):
    names = {**(network := inject_lora(bundle, config)).text, **network.unet}
    assert set(names) == set(sd15_modules())


def sd15_modules() -> list[str]:
    """The 264 names, written down from the architecture rather than from our code."""
    text = [
        f"lora_te_text_model_encoder_layers_{layer}_{part}"
        for layer in range(12)
        for part in (*(f"self_attn_{p}_proj" for p in ("q", "k", "v", "out")), "mlp_fc1", "mlp_fc2")
    ]
    places = [f"down_blocks_{i}_attentions_{j}" for i in range(3) for j in range(2)]
    places += [f"up_blocks_{i}_attentions_{j}" for i in range(1, 4) for j in range(3)] + ["mid_block_attentions_0"]
    inner = [f"attn{n}_to_{p}" for n in (1, 2) for p in ("q", "k", "v", "out_0")] + ["ff_net_0_proj", "ff_net_2"]
    parts = ["proj_in", "proj_out", *(f"transformer_blocks_0_{part}" for part in inner)]
    return text + [f"lora_unet_{place}_{part}" for place in places for part in parts]


def test_the_list_written_down_has_264_names():
    assert len(set(sd15_modules())) == 72 + 192


@pytest.mark.parametrize("bundle", ["sdxl"], indirect=True)
def test_sdxl_keys_are_stabilitys_block_names(bundle: Bundle, config: TrainConfig):
    network = inject_lora(bundle, config)
    blocks = {name.split("_transformer_blocks_")[0].split("_proj_")[0] for name in network.unet}
    places = ["input_blocks_4_1", "input_blocks_5_1", "input_blocks_7_1", "input_blocks_8_1", "middle_block_1"]
    places += [f"output_blocks_{n}_1" for n in range(6)]
    assert blocks == {f"lora_unet_{place}" for place in places}
    assert sum(name.startswith("lora_te1_text_model_encoder_layers_") for name in network.text) == 72
    assert sum(name.startswith("lora_te2_text_model_encoder_layers_") for name in network.text) == 192


@pytest.mark.parametrize("bundle", ["built-in"], indirect=True)
def test_a_renamed_class_upstream_is_noticed(bundle: Bundle, config: TrainConfig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "unet_targets", lambda unet: [])
    with pytest.raises(WrongCount):
        inject_lora(bundle, config)


@pytest.mark.parametrize("bundle", ["built-in"], indirect=True)
def test_a_missing_module_is_noticed(bundle: Bundle, config: TrainConfig, monkeypatch: pytest.MonkeyPatch):
    whole = module.unet_targets(bundle.unet)
    monkeypatch.setattr(module, "unet_targets", lambda unet: whole[:-1])
    with pytest.raises(WrongCount, match="47"):
        inject_lora(bundle, config)


@pytest.mark.parametrize("bundle", ["sd15"], indirect=True)
def test_a_frozen_text_encoder_wears_nothing(bundle: Bundle, config: TrainConfig):
    network = inject_lora(bundle, replace(config, text_encoder_lr=0.0))
    assert (len(network.text), len(network.unet)) == (0, 192)
    assert len(network.groups(config)) == 1


@pytest.mark.parametrize("bundle", ["sd15"], indirect=True)
def test_groups_have_their_learning_rates(bundle: Bundle, config: TrainConfig):
    groups = inject_lora(bundle, config).groups(replace(config, learning_rate=1e-4, text_encoder_lr=5e-5))
    assert [(group["lr"], len(group["params"])) for group in groups] == [(5e-5, 144), (1e-4, 384)]


# ---------------------------------------------------------------- the file


def trained_file(bundle: Bundle, config: TrainConfig, file: Path) -> dict[str, torch.Tensor]:
    """A file whose every weight differs from zero."""
    network = inject_lora(bundle, config)
    generator = torch.Generator().manual_seed(1)
    for weight in network.tensors().values():
        weight.data = (torch.randn(weight.shape, generator=generator) * 0.2).half().float()  # as the file holds it
    write_lora(file, network, metadata(config, 3, {"a caption": 2}, 0.0))
    return read_lora(file)[0]


@pytest.mark.parametrize("bundle", COUNTS, indirect=True)
def test_the_file_is_read_back_as_written(bundle: Bundle, config: TrainConfig, tmp_path: Path):
    tensors = trained_file(bundle, config, tmp_path / "a.safetensors")
    assert len(tensors) == 3 * sum(COUNTS[bundle.family])
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert all(float(tensor) == config.alpha for name, tensor in tensors.items() if name.endswith(".alpha"))
    _, kept = read_lora(tmp_path / "a.safetensors")
    assert kept.items() >= hashes(tensors).items()
    assert (kept["ss_network_dim"], kept["ss_network_alpha"]) == ("4", "2.0")
    assert kept["ss_network_module"] == "networks.lora"


@pytest.mark.parametrize("family", ["sd15", pytest.param("sdxl", marks=pytest.mark.slow)])
def test_diffusers_loads_every_module_and_computes_the_same(
    config: TrainConfig, base: Callable[[str], Path], tmp_path: Path, family: str
):
    config = config_for(config, base, family)
    ours = load(config)
    trained_file(ours, config, tmp_path / "a.safetensors")
    theirs = load(config)
    pipe = pipeline(theirs)
    pipe.load_lora_weights(str(tmp_path / "a.safetensors"))
    networks = [(theirs.unet, ours.unet), *zip(theirs.text_encoders, ours.text_encoders, strict=True)]
    loaded = [sum(name.endswith("lora_A.default_0.weight") for name in model.state_dict()) for model, _ in networks]
    assert (sum(loaded[1:]), loaded[0]) == COUNTS[family]
    with torch.no_grad():
        for mine, other in zip(ours.encode_text(["a face"]), theirs.encode_text(["a face"]), strict=True):
            if mine is not None and other is not None:
                torch.testing.assert_close(mine, other, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(answer(ours), answer(theirs), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("rank", "alpha", "conv_dim", "conv_alpha"), [(1, 1.0, 0, 1.0), (6, 3.0, 3, 2.0)])
def test_diffusers_computes_the_same_with_other_ranks_and_convolutions(
    config: TrainConfig,
    base: Callable[[str], Path],
    tmp_path: Path,
    rank: int,
    alpha: float,
    conv_dim: int,
    conv_alpha: float,
):
    config = replace(config_for(config, base, "sd15"), rank=rank, alpha=alpha, conv_dim=conv_dim, conv_alpha=conv_alpha)
    ours, theirs = load(config), load(config)
    tensors = trained_file(ours, config, tmp_path / "a.safetensors")
    assert any(one.ndim == 4 and one.shape[-1] == 3 for one in tensors.values()) is bool(conv_dim)
    pipe = pipeline(theirs)
    pipe.load_lora_weights(str(tmp_path / "a.safetensors"))
    networks = (theirs.unet, *theirs.text_encoders)
    loaded = sum(name.endswith("lora_A.default_0.weight") for model in networks for name in model.state_dict())
    assert loaded == sum(name.endswith(".lora_down.weight") for name in tensors)
    with torch.no_grad():
        torch.testing.assert_close(answer(ours), answer(theirs), atol=1e-4, rtol=1e-4)


def answer(bundle: Bundle) -> torch.Tensor:
    """What the U-Net says to fixed noise."""
    hidden, pooled = bundle.encode_text(["a face"])
    extra: dict[str, Any] = {} if pooled is None else {"text_embeds": pooled, "time_ids": torch.ones(1, 6)}
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    said: torch.Tensor = bundle.unet(noise, 500, hidden, added_cond_kwargs=extra).sample
    return said


def pipeline(bundle: Bundle) -> Any:
    parts: dict[str, Any] = {"vae": bundle.vae, "unet": bundle.unet, "scheduler": bundle.scheduler}
    parts |= {"text_encoder": bundle.text_encoders[0], "tokenizer": bundle.tokenizers[0]}
    if bundle.family == "sdxl":
        parts |= {"text_encoder_2": bundle.text_encoders[1], "tokenizer_2": bundle.tokenizers[1]}
        return StableDiffusionXLPipeline(**parts)
    return StableDiffusionPipeline(**parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False)
