"""What each option of a training changes, on a tiny model."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from kohya_train import memory, noise, optimizers, step
from kohya_train.adapter import AdapterSpec, attach
from kohya_train.contract import BadConfig, Stepped, TrainConfig, TrainerEvent, Warned
from kohya_train.ema import WeightAverage
from kohya_train.export import read_lora
from kohya_train.loop import train
from kohya_train.models import load
from kohya_train.network import inject_lora


def trained(
    config: TrainConfig, tmp_path: Path, name: str, **changes: Any
) -> tuple[dict[str, torch.Tensor], list[TrainerEvent]]:
    """The file of two steps with these changes, and what was told."""
    events: list[TrainerEvent] = []
    out = tmp_path / name
    train(replace(config, steps=2, output_folder=str(out), **changes), events.append)
    return read_lora(out / "checkpoint-2.safetensors")[0], events


def difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    return max(float((one[name].float() - other[name].float()).abs().max()) for name in one)


@pytest.fixture
def layers() -> Iterator[dict[str, nn.Module]]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield {"linear": nn.Linear(12, 20), "conv": nn.Conv2d(4, 6, 3, stride=2, padding=1)}


# ---------------------------------------------------------------- one adapter


@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_folded_and_separate_give_the_same_answer_and_gradients(layers: dict[str, nn.Module], kind: str):
    adapter = attach(layers[kind], AdapterSpec(3, 0.7))
    adapter.initialize(torch.Generator().manual_seed(0))
    nn.init.normal_(adapter.lora_B.weight, generator=torch.Generator().manual_seed(1))
    values = torch.rand((2, 5, 12) if kind == "linear" else (2, 4, 8, 8), generator=torch.Generator().manual_seed(2))
    seen = []
    for folded in (False, True):
        adapter.folded = folded
        adapter.zero_grad()
        answer = layers[kind](values)
        answer.square().sum().backward()
        seen.append([answer.detach(), *(weight.grad for weight in adapter.tensors().values())])
    for separate, joined in zip(*seen, strict=True):
        torch.testing.assert_close(separate, joined, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(seen[0][0], adapter.plain(values))
    adapter.enable_adapters(False)
    assert torch.equal(layers[kind](values), adapter.plain(values))


@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_dora_begins_at_the_layer_and_then_changes_only_directions(layers: dict[str, nn.Module], kind: str):
    layer: Any = layers[kind]
    layer.requires_grad_(False)
    adapter = attach(layer, AdapterSpec(3, 0.7, dora=True))
    adapter.initialize(torch.Generator().manual_seed(0))
    values = torch.rand((2, 5, 12) if kind == "linear" else (2, 4, 8, 8))
    torch.testing.assert_close(layer(values), adapter.plain(values))
    nn.init.normal_(adapter.lora_B.weight, generator=torch.Generator().manual_seed(1))
    changed = adapter._decomposed()
    assert not torch.allclose(changed, layer.weight, atol=1e-2)
    torch.testing.assert_close(changed.flatten(1).norm(dim=1), layer.weight.flatten(1).norm(dim=1))
    layer(values).square().sum().backward()
    assert adapter.dora_scale is not None and adapter.dora_scale.grad is not None


# ---------------------------------------------------------------- the network


def test_conv_lora_has_kohyas_c3lier_modules(config: TrainConfig, base: Callable[[str], Path]):
    config = replace(config, conv_dim=2, conv_alpha=1.0)
    network = inject_lora(load(replace(config, family="sd15", base_model=str(base("sd15")))), config)
    assert len(network.unet) == 276  # 278 at the true widths: two more levels change width and need a shortcut
    wide = network.unet["lora_unet_down_blocks_0_resnets_0_conv1"]
    assert (wide.spec.rank, wide.alpha, tuple(wide.lora_A.weight.shape[2:])) == (2, 1.0, (3, 3))
    assert network.unet["lora_unet_down_blocks_0_resnets_0_time_emb_proj"].spec.rank == config.rank
    sdxl = inject_lora(load(replace(config, family="sdxl", base_model=str(base("sdxl")))), config)
    names = {name for name in sdxl.unet if "_transformer_" not in name and "_proj_" not in name}
    assert {"input_blocks_1_0_in_layers_2", "input_blocks_3_0_op", "middle_block_2_out_layers_3"} <= {
        name.removeprefix("lora_unet_") for name in names
    }
    assert {"lora_unet_output_blocks_2_2_conv", "lora_unet_output_blocks_0_0_skip_connection"} <= names


def test_scales_rates_and_blocks(config: TrainConfig):
    plain = inject_lora(load(config), replace(config, rank_stabilized=True))
    layer = next(iter(plain.unet.values()))
    assert layer.spec.scale == pytest.approx(config.alpha / config.rank**0.5)
    assert layer.alpha / config.rank == pytest.approx(layer.spec.scale)  # as other programs read the file
    plus = replace(config, loraplus_lr_ratio=16.0, text_encoder_lr=0.0)
    rates = {group["lr"]: len(group["params"]) for group in inject_lora(load(config), plus).groups(plus)}
    assert rates == {1e-4: 48, 1.6e-3: 48}
    blocks = replace(config, down_lr_weight=(1.0, 0.0), mid_lr_weight=0.5, text_encoder_lr=0.0)
    network = inject_lora(load(config), blocks)
    assert not any("_down_blocks_1_" in name for name in network.unet)
    assert {group["lr"] for group in network.groups(blocks)} == {1e-4, 5e-5}
    with pytest.raises(BadConfig, match="other-number-of-levels"):
        inject_lora(load(config), replace(config, up_lr_weight=(1.0,) * 5))


def test_large_changes_are_scaled_down(config: TrainConfig):
    network = inject_lora(load(config), config)
    layer = next(iter(network.unet.values()))
    nn.init.normal_(layer.lora_B.weight, 0, 5.0)
    assert network.limit_norms(0.5) == 1
    assert float(layer.delta().norm()) == pytest.approx(0.5, rel=1e-4)


def test_a_training_goes_on_from_a_lora_of_its_ranks(config: TrainConfig, tmp_path: Path):
    trained(config, tmp_path, "first", learning_rate=1e-2)
    file = tmp_path / "first" / "checkpoint-2.safetensors"
    network = inject_lora(load(config), config)
    from kohya_train.export import BadLora, load_weights

    load_weights(network, file)
    tensors, _ = read_lora(file)
    assert all(torch.equal(weight.half(), tensors[name]) for name, weight in network.tensors().items())
    with pytest.raises(BadLora, match="other-lora"):
        load_weights(inject_lora(load(config), replace(config, rank=8)), file)
    from safetensors.torch import save_file

    for kind, key in (("LoHa", "hada_w1_a"), ("LoKr", "lokr_w1")):
        save_file({f"lora_unet_x.{key}": torch.zeros(1)}, tmp_path / "other.safetensors")
        with pytest.raises(BadLora, match=kind):
            load_weights(network, tmp_path / "other.safetensors")


# ---------------------------------------------------------------- optimizers, schedules, averages


def test_every_optimizer_that_is_there_moves_the_weights(config: TrainConfig, tmp_path: Path):
    start = inject_lora(load(config), config).tensors()
    for name in optimizers._MAKERS:
        try:
            rate = 1.0 if name == "Prodigy" else 1e-2  # a factor there: 1e-2 of its first guess is nothing in fp16
            after, _ = trained(config, tmp_path, name, optimizer=name, learning_rate=rate)
        except Exception as problem:
            assert isinstance(problem.__cause__, optimizers.NoOptimizer)
            continue
        assert any(bool(after[key].any()) for key in start if key.endswith("lora_up.weight")), name


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [1, 1, 1, 1, 1, 1]),
        ("constant_with_warmup", [1 / 3, 2 / 3, 1, 1, 1, 1]),
        ("linear", [1 / 3, 2 / 3, 1, 0.75, 0.5, 0.25]),
        ("cosine", [1 / 3, 2 / 3, *((1 + math.cos(math.pi * n / 4)) / 2 for n in range(4))]),
        ("cosine_with_restarts", [1 / 3, 2 / 3, 1, 0.5, 1, 0.5]),
    ],
)
def test_schedules(config: TrainConfig, schedule: str, rates: list[float]):
    planned = replace(config, steps=6, lr_scheduler=schedule, lr_warmup_steps=2, lr_scheduler_num_cycles=2)
    assert [optimizers.learning_rate_factor(planned, n) for n in range(1, 7)] == pytest.approx(rates)


def test_the_average_follows_the_weights_and_is_what_is_saved(config: TrainConfig, tmp_path: Path):
    weights = {"a": nn.Parameter(torch.zeros(2))}
    average = WeightAverage(weights, 0.9)
    for number in range(1, 200):
        weights["a"].data.fill_(1.0)
        average.update(number)
    assert 0.99 < float(average.averages["a"][0]) <= 1.0
    with average.applied():
        assert float(weights["a"][0]) < 1.0
    assert float(weights["a"][0]) == 1.0
    plain, _ = trained(config, tmp_path, "plain", learning_rate=1e-2)
    averaged, _ = trained(config, tmp_path, "ema", learning_rate=1e-2, ema_decay=0.99)
    up = next(name for name in plain if name.endswith("lora_up.weight") and bool(plain[name].any()))
    assert 0 < float(averaged[up].float().norm()) < float(plain[up].float().norm())


# ---------------------------------------------------------------- losses


def test_huber_losses_weigh_large_errors_less(config: TrainConfig):
    off, near = torch.full((1, 1, 2, 2), 3.0), torch.full((1, 1, 2, 2), 0.01)
    zero, bounds = torch.zeros(1, 1, 2, 2), torch.tensor([0.1])
    for kind in ("huber", "smooth_l1"):
        ratio = noise.pixel_errors(off, zero, kind, bounds) / noise.pixel_errors(near, zero, kind, bounds)
        squared = noise.pixel_errors(off, zero, "l2", bounds) / noise.pixel_errors(near, zero, "l2", bounds)
        assert float(ratio.mean()) < float(squared.mean()) / 10
    plan = load(config).scheduler
    levels = torch.tensor([0, 500, 999])
    for schedule in ("exponential", "snr"):
        c = noise.huber_bounds(plan, levels, replace(config, huber_schedule=schedule))
        assert c[0] > c[1] > c[2] > 0.09
    assert noise.huber_bounds(plan, levels, replace(config, huber_schedule="constant")).tolist() == pytest.approx(
        [0.1] * 3
    )


def test_debiased_estimation_by_hand(config: TrainConfig):
    plan = load(config).scheduler
    kept = plan.alphas_cumprod[500]
    weights = noise.level_weights(plan, torch.tensor([500]), replace(config, debiased_estimation=True))
    assert float(weights) == pytest.approx(float(((1 - kept) / kept).sqrt()), rel=1e-4)
    with pytest.raises(BadConfig):
        replace(config, debiased_estimation=True, min_snr_gamma=5.0)


def test_zero_terminal_snr_ends_in_noise_alone_and_needs_v_prediction(config: TrainConfig):
    from kohya_train.models import apply_config

    bundle = load(config)
    changed = apply_config(bundle, replace(config, zero_terminal_snr=True, v_parameterization=True)).scheduler
    assert float(bundle.scheduler.alphas_cumprod[-1]) > 1e-3
    assert float(changed.alphas_cumprod[-1]) < 1e-6
    assert changed.config.prediction_type == "v_prediction"
    with pytest.raises(BadConfig, match="zero-snr-needs-v"):
        apply_config(bundle, replace(config, zero_terminal_snr=True))


CHANGES: dict[str, dict[str, Any]] = {
    "noise_offset": {"noise_offset": 0.2},
    "ip_noise_gamma": {"ip_noise_gamma": 0.3},
    "min_snr": {"min_snr_gamma": 1.0},
    "debiased": {"debiased_estimation": True},
    "huber": {"loss_type": "huber"},
    "v": {"v_parameterization": True},
    "dropout": {"caption_dropout_rate": 0.9},
    "shuffle": {"shuffle_caption": True},
    "dora": {"dora": True},
    "conv": {"conv_dim": 2},
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_option_changes_what_is_learned(config: TrainConfig, tmp_path: Path, name: str):
    config = replace(config, learning_rate=1e-2)
    plain, _ = trained(config, tmp_path, "plain")
    changed, _ = trained(config, tmp_path, name, **CHANGES[name])
    assert difference(plain, changed) > 1e-4


# ---------------------------------------------------------------- memory


def test_a_batch_that_does_not_fit_is_done_in_parts_with_the_same_result(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole, _ = trained(config, tmp_path, "whole", learning_rate=1e-3)
    plain = step._loss

    def small(run: Any, asked: Any) -> torch.Tensor:
        if len(asked.levels) > 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return plain(run, asked)

    monkeypatch.setattr(step, "_loss", small)
    parts, events = trained(config, tmp_path, "parts", learning_rate=1e-3)
    assert difference(whole, parts) < 2e-3
    assert [event.code for event in events if isinstance(event, Warned)] == ["batch-in-parts"]


def test_where_the_estimate_says_so_parts_and_checkpointing_are_chosen(config: TrainConfig):
    class Run:
        plan = step.TrainerRun.__dataclass_fields__["plan"].default_factory()  # type: ignore[misc]
        bundle = load(config)

        def __init__(self) -> None:
            self.config = replace(config, batch_size=4)

    run: Any = Run()
    assert memory.fit(run, 100, 10_000) == []
    assert memory.fit(run, 100, 250)[0].code == "batch-in-parts"
    assert (run.plan.parts, run.plan.checkpointing) == (2, False)
    assert memory.fit(run, 100, 50)[0].code == "checkpointing-turned-on"


def test_activations_of_one_picture_are_counted_once():
    weight = torch.rand(64, 64, requires_grad=True)
    values = torch.rand(1000, 64)
    counted = memory.activation_bytes(lambda: ((values @ weight).tanh() @ weight).sum())
    assert 2 * values.nbytes <= counted <= 3 * values.nbytes + weight.nbytes


def test_steps_tell_their_learning_rate(config: TrainConfig, tmp_path: Path):
    _, events = trained(config, tmp_path, "rates", lr_scheduler="linear")
    assert [event.lr for event in events if isinstance(event, Stepped)] == pytest.approx([1e-4, 5e-5])
