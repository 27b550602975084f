"""How near the trainer's estimate of a step's memory comes to what the step takes, for SD 1.5; SDXL's estimate.

    python benchmarks/trainer_memory.py [--width 320] [--side 512] [--rank 128] [--cases fp32 bf16 checkpointing sdxl]

A process a case. *Estimated*: what autograd keeps of one picture, as the trainer counts it, or gradient and the
optimizer's two means of every LoRA weight, whichever is more: activations go as gradients come. *Measured*: the most
that the first step adds to the memory that no file stands for, looked at every few milliseconds. SDXL is estimated at
1024 pixels in bf16 without computing anything.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from step_marks import anonymous_mb
from trainer_commands import ROOT, Training, make_world

sys.path.insert(0, str(ROOT))

CASES = ("fp32", "bf16", "checkpointing", "sdxl")
MB = 2**20
EXACT_HEAP = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}
"""What is freed leaves the process at once, so that its memory is what is in use."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=320, help="channels of the first level; 320 is SD 1.5")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--rank", type=int, default=128)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.case:
        print(json.dumps(estimate_of_sdxl(asked.rank) if asked.case == "sdxl" else measured(asked)))
        return
    print(
        "| case | pixels | weights MB | estimated MB | measured MB | estimated by measured | step s |\n|" + "---|" * 7
    )
    with tempfile.TemporaryDirectory() as folder:
        make_world(Training(Path(folder), asked.width, 1, 1, asked.side, asked.rank))
        for case in asked.cases:
            told = json.loads(in_its_own_process([*sys.argv[1:], "--case", case, "--folder", folder]))
            print(row(case, told), flush=True)


def row(case: str, told: dict[str, float]) -> str:
    """A line of the table."""
    seen = told.get("measured")
    ratio = "| |" if seen is None else f"{seen:.0f} | {told['estimated'] / seen:.2f} | {told['seconds']:.1f}"
    return f"| {case} | {told['side']:.0f} | {told['weights']:.0f} | {told['estimated']:.0f} | {ratio} |"


def in_its_own_process(arguments: list[str]) -> str:
    """The last line that it says."""
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, env={**os.environ, **EXACT_HEAP}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return done.stdout.splitlines()[-1]


def measured(asked: argparse.Namespace) -> dict[str, float]:
    """MB estimated and taken by one step of one picture, seconds of the step."""
    from kohya_train import forward, loop
    from kohya_train.contract import TrainConfig

    told: dict[str, float] = {"side": asked.side}
    counted, stepped = forward.activation_bytes, loop.take_step

    def count(run_once: Any, weights: Any) -> int:
        told["activations"] = counted(run_once, weights) / MB
        return int(told["activations"] * MB)

    def step(run: Any, number: int) -> Any:
        trained = sum(weight.nbytes for weight in run.network.tensors().values()) / MB
        told["estimated"] = max(told["activations"], 3 * trained)
        told["weights"] = sum(p.nbytes for model in run.bundle.models for p in model.parameters()) / MB
        gc.collect()
        with Peak() as peak:
            done = stepped(run, number)
        told.update(measured=peak.added, seconds=done.seconds)
        return done

    forward.activation_bytes, loop.take_step, forward._roomy = count, step, lambda run: False
    loop.train(
        TrainConfig(
            family="sd15",
            base_model=str(asked.folder / "base"),
            data_folder=str(asked.folder / "plain"),
            output_folder=str(asked.folder / asked.case),
            trigger_word="sks person",
            steps=1,
            resolution=asked.side,
            batch_size=1,
            rank=asked.rank,
            alpha=asked.rank,
            random_crop=False,
            flip_aug=False,
            lora_forward="separate",
            precision="bf16" if asked.case == "bf16" else "fp32",
            gradient_checkpointing=asked.case == "checkpointing",
        ),
        lambda event: None,
    )
    return told


class Peak:
    """Inside it the process's anonymous memory is looked at all the time."""

    EVERY = 0.003  # seconds

    def __enter__(self) -> Peak:
        self._before, self._most, self._over = anonymous_mb(), 0.0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *why: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.is_set():
            self._most = max(self._most, anonymous_mb())
            time.sleep(self.EVERY)

    @property
    def added(self) -> float:
        """MB more than at the beginning, at most."""
        return self._most - self._before


def estimate_of_sdxl(rank: int, side: int = 1024) -> dict[str, float]:
    """MB of one picture in bf16 on torch's tensors without contents; the text encoders are not trained."""
    import torch
    from diffusers import UNet2DConditionModel
    from torch._subclasses.fake_tensor import FakeTensorMode

    from kohya_train.adapter import AdapterSpec, attach
    from kohya_train.memory import activation_bytes

    with FakeTensorMode():
        torch.set_default_dtype(torch.bfloat16)
        unet = UNet2DConditionModel.from_config(
            UNet2DConditionModel.load_config(ROOT / "models" / "configs" / "sdxl", subfolder="unet")
        )
        unet.requires_grad_(False)
        weights = sum(one.nbytes for one in unet.parameters()) / MB
        layers = [one for n, one in unet.named_modules() if "attentions" in n and isinstance(one, torch.nn.Linear)]
        trained = sum(p.numel() for one in layers for p in attach(one, AdapterSpec(rank, 1.0)).tensors().values())
        noisy, text = torch.rand(1, 4, side // 8, side // 8), torch.rand(1, 77, unet.config.cross_attention_dim)
        extra = {"text_embeds": torch.rand(1, 1280), "time_ids": torch.rand(1, 6)}
        frozen = [weight for weight in unet.parameters() if not weight.requires_grad]
        kept = (
            activation_bytes(lambda: unet(noisy, torch.tensor([1]), text, added_cond_kwargs=extra).sample, frozen) / MB
        )
    return {"side": side, "weights": weights, "estimated": max(kept, 3 * 4 * trained / MB)}


if __name__ == "__main__":
    main()
