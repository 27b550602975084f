"""Processor time of one pass forth and back of the built-in U-Net: without LoRA, with peft's, with ours in each way.

python benchmarks/adapters.py [--rank 16] [--batch 4] [--turns 4]

One thread, in turn in one process, the fastest turn of each: a busy machine changes seconds, hardly the ratios.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from builtin_model.model import load  # noqa: E402
from builtin_model.processor import bf16_probe, processor_name  # noqa: E402
from kohya_train.contract import TrainConfig  # noqa: E402
from kohya_train.forward_choice import cheaper_folded, input_shapes  # noqa: E402
from kohya_train.models import load as load_bundle  # noqa: E402
from kohya_train.network import inject_lora  # noqa: E402
from kohya_train.targets import unet_targets  # noqa: E402

BASE = ROOT / "models" / "builtin" / "base"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("rank", 16), ("batch", 4), ("turns", 4)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    passes = {"bare": bare(asked), "peft": with_peft(asked), **ours(asked)}
    best = dict.fromkeys(passes, float("inf"))
    for turn in range(asked.turns + 1):
        for name, call in passes.items():
            begun = time.process_time()
            call()
            if turn:  # the first turn chooses kernels
                best[name] = min(best[name], time.process_time() - begun)
    told = {name: {"s": round(value, 3), "by_peft": round(value / best["peft"], 3)} for name, value in best.items()}
    print(json.dumps({"processor": processor_name(), "bf16_gain": round(bf16_probe().gain, 2), **vars(asked), **told}))


def passing(unet: Any, batch: int) -> Callable[[], None]:
    latents, states = torch.rand(batch, 12, 32, 32), torch.rand(batch, 77, 192)

    def call() -> None:
        unet(latents, 300, states).sample.square().mean().backward()

    return call


def bare(asked: argparse.Namespace) -> Callable[[], None]:
    """Gradients to the first convolution's input side only as far as LoRAs need them: one small weight is trained."""
    unet = load(BASE).unet.requires_grad_(False)
    unet.conv_in.bias.requires_grad_(True)
    return passing(unet, asked.batch)


def with_peft(asked: argparse.Namespace) -> Callable[[], None]:
    from peft import LoraConfig, inject_adapter_in_model

    unet = load(BASE).unet.requires_grad_(False)
    targets = unet_targets(unet)
    inject_adapter_in_model(LoraConfig(r=asked.rank, lora_alpha=asked.rank, target_modules=targets), unet, "person")
    return passing(unet, asked.batch)


def ours(asked: argparse.Namespace) -> dict[str, Callable[[], None]]:
    found = {}
    for name in ("separate", "folded", "chosen"):
        config = TrainConfig(
            "built-in", str(BASE), "", "", steps=1, rank=asked.rank, alpha=asked.rank, text_encoder_lr=0
        )
        bundle = load_bundle(config)
        network = inject_lora(bundle, config)
        network.fold(name == "folded")
        call = passing(bundle.unet, asked.batch)
        if name == "chosen":
            with input_shapes(network) as shapes:
                call()
            with tempfile.TemporaryDirectory() as folder:
                chosen = cheaper_folded(network, shapes, 1, Path(folder))
            print(f"{len(chosen)} of {len(network.unet)} modules folded", file=sys.stderr)
            for module in chosen:
                network.modules[module].folded = True
        found[name] = call
    return found


if __name__ == "__main__":
    main()
