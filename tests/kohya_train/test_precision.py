"""In which numbers the trainer computes: GPUs as they are, sizes unrounded, the autoencoder in full precision."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from single_file import write_single_file
from tiny_base import make_template

from kohya_train import memory, precision
from kohya_train.contract import TrainConfig, TrainerEvent, ValidationPlan, ValidationTemplate
from kohya_train.loop import train
from kohya_train.models import load


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), "fp16"), ((8, 0), "bf16"), ((9, 0), "bf16")])
def test_bf16_is_chosen_only_where_the_gpu_computes_it(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: str
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *more: True)  # emulation counts for torch
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *more: capability)
    assert precision._gpu().name == expected


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
@pytest.mark.parametrize("single", [False, True])
def test_a_base_is_read_in_its_precision_with_a_full_autoencoder(
    config: TrainConfig, base: Callable[[str], Path], tmp_path: Path, family: str, single: bool
):
    folder = base(family)
    config = replace(config, family=family, base_model=str(folder))
    if single:
        file = write_single_file(folder, tmp_path / "model.safetensors", family)
        config = replace(config, base_model=str(file), config_folder=str(folder))
    bundle = load(config, torch.bfloat16)
    assert {weight.dtype for model in (bundle.unet, *bundle.text_encoders) for weight in model.parameters()} == {
        torch.bfloat16
    }
    assert {weight.dtype for weight in bundle.vae.parameters()} == {torch.float32}


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_nothing_of_a_half_precision_training_is_rounded_that_must_not_be(
    config: TrainConfig, base: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, family: str
):
    """The autoencoder's own arithmetic (SDXL's overflows in fp16), and SDXL's sizes (bf16 has no 1365)."""
    from diffusers import AutoencoderKL, UNet2DConditionModel

    decoded, ids = [], []
    plain_decode, plain_forward = AutoencoderKL._decode, UNet2DConditionModel.forward

    def decode(self: Any, z: torch.Tensor, *more: Any, **options: Any) -> Any:
        hook = self.decoder.conv_out.register_forward_hook(lambda _m, _i, out: decoded.append(out.dtype))
        try:
            return plain_decode(self, z, *more, **options)
        finally:
            hook.remove()

    def forward(self: Any, *inputs: Any, **options: Any) -> Any:
        ids.append((options.get("added_cond_kwargs") or {}).get("time_ids"))
        return plain_forward(self, *inputs, **options)

    monkeypatch.setattr(AutoencoderKL, "_decode", decode)
    monkeypatch.setattr(UNet2DConditionModel, "forward", forward)
    template = ValidationTemplate(*map(str, make_template(Path(config.output_folder).parent / "t", (64, 64))))
    plan = ValidationPlan((template,), "a face", "blurry", 0.5, 2, 1.0)
    events: list[TrainerEvent] = []
    changed = replace(config, family=family, base_model=str(base(family)), precision="bf16", steps=1)
    train(replace(changed, validation_images=plan), events.append)
    assert decoded and set(decoded) == {torch.float32}
    assert family == "sd15" or ids[0].dtype == torch.float32


def test_frozen_weights_are_no_activations():
    frozen, values = torch.rand(512, 512), torch.rand(10, 512, requires_grad=True)
    counted = memory.activation_bytes(lambda: (values @ frozen).tanh().sum(), [frozen])
    assert counted <= 3 * values.nbytes < frozen.nbytes
