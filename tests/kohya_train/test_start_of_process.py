"""What a training process loads at its start, and that nothing which it leaves out is lost."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from kohya_train.contract import TrainConfig
from kohya_train.export import read_lora
from kohya_train.loop import train

ROOT = Path(__file__).resolve().parents[2]


def python(program: str, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


TRAIN = """
import sys
from kohya_train.__main__ import main
code = main([sys.argv[1]])
print("LOADED", *sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def test_a_training_loads_neither_compiler_nor_peft_and_learns_the_same(config: TrainConfig, tmp_path: Path):
    config = replace(config, steps=1, save_steps=1)
    config.write(tmp_path / "run.json")
    told = python(TRAIN, str(tmp_path / "run.json"))
    loaded = set(told.rpartition("LOADED")[2].split())
    assert {"torch", "diffusers", "transformers"} <= loaded
    left_out = {"peft", "scipy", "torch._inductor", "torch._dynamo.eval_frame", "torch.distributed.fsdp", "sklearn"}
    left_out |= {"sympy", "torch.distributed.tensor"}
    assert not left_out & loaded
    assert "diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion" not in loaded
    here = replace(config, output_folder=str(tmp_path / "here"))
    train(here, lambda event: None)
    theirs, _ = read_lora(Path(config.output_folder) / "checkpoint-1.safetensors")
    mine, _ = read_lora(Path(here.output_folder) / "checkpoint-1.safetensors")
    assert all(bool((theirs[name] == mine[name]).all()) for name in mine)


COMPILE = """
import sys, torch
from kohya_train.imports import compiler_on_demand
with compiler_on_demand():
    assert torch._dynamo.disable(len)([1]) == 1 and "torch._dynamo.eval_frame" not in sys.modules
    import torch._dynamo.eval_frame
    import torch._dynamo
    assert torch._dynamo.is_compiling() is False and torch._dynamo is sys.modules["torch._dynamo"]
assert "Compiler" not in type(sys.modules["torch._dynamo"]).__name__
assert callable(torch._dynamo.eval_frame.optimize)
assert float(torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1))) == 2
"""


def test_who_asks_for_the_compiler_gets_it():
    python(COMPILE)
