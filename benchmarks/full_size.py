"""Stable Diffusion at its full size with random weights: what opening, painting and training cost on this machine.

    python benchmarks/full_size.py sd15|sdxl [--small] [--side PIXELS] [--steps N] [--folder DIR]

Writes a checkpoint of the true architecture (SD 1.5: fp16, SDXL: bf16) as one file with the original names, and then
measures in a process of its own each: reading the header, loading, two passes as a portrait has them, one optimizer
step of the trainer. Seconds are processor time of all threads and by the clock; the peak is the process's resident
memory, mapped pages of the file among them. Printed are rows for docs/benchmarks.md. The checkpoint is deleted at the
end. `--small` halves the U-Net's widths, for a try of the script itself.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "kohya_train")]  # the original names stand with the trainer's tests

from easyphoto.engines.model_probe import find_checkpoints  # noqa: E402

CONFIGS = ROOT / "models" / "configs"
FILE = "weights/full.safetensors"
PRECISION = {"sd15": "float16", "sdxl": "bfloat16"}
SIDE, STEPS = {"sd15": 512, "sdxl": 384}, {"sd15": 2, "sdxl": 1}  # minutes on two cores, and no more


def configure(family: str, root: Path, small: bool) -> None:
    """The family's architecture, where the program looks for it; `small` with half as wide a U-Net."""
    place = root / "models" / "configs"
    for folder in (family, f"{family}_controlnet"):
        if (CONFIGS / folder).is_dir():
            shutil.copytree(CONFIGS / folder, place / folder)
    if small:
        file = place / family / "unet" / "config.json"
        config = json.loads(file.read_text(encoding="utf-8"))
        config["block_out_channels"] = [width // 2 for width in config["block_out_channels"]]
        file.write_text(json.dumps(config), encoding="utf-8")


def make(family: str, root: Path, side: int, steps: int) -> None:
    """A diffusers folder of random weights, then one file of it."""
    import diffusers
    import torch
    import transformers
    from single_file import write_single_file

    config, folder = root / "models" / "configs" / family, root / "parts"
    torch.manual_seed(0)
    torch.set_default_dtype(getattr(torch, PRECISION[family]))
    for name, kind in json.loads((config / "model_index.json").read_text(encoding="utf-8")).items():
        if name in ("unet", "vae"):
            network = getattr(diffusers, kind[1])
            network.from_config(network.load_config(config, subfolder=name)).save_pretrained(
                folder / name, max_shard_size="40GB"
            )
        elif name.startswith("text_encoder"):
            network = getattr(transformers, kind[1])
            made = network(transformers.CLIPTextConfig.from_pretrained(config / name))
            made.to(torch.get_default_dtype()).save_pretrained(folder / name, max_shard_size="40GB")
    (root / FILE).parent.mkdir(parents=True)
    write_single_file(folder, root / FILE, family)
    shutil.rmtree(folder)


def probe(family: str, root: Path, side: int, steps: int) -> None:
    """What the file is; the program is imported before, since it is there when somebody looks at a folder."""
    (found,) = find_checkpoints(root / "weights")
    assert found.family.value == family


def opened(family: str, root: Path) -> Any:
    """The local engine, on the CPU in the file's precision for SDXL and in full precision for SD 1.5."""
    import torch

    from easyphoto.engines.local import engine
    from easyphoto.engines.local.pipelines import DevicePlacement
    from easyphoto.paths import Paths

    dtype = torch.bfloat16 if family == "sdxl" else torch.float32
    engine.choose_placement = lambda device: DevicePlacement("cpu", dtype)
    return engine.LocalEngine(Paths(root, models=root / "models"), device="cpu")


def load(family: str, root: Path, side: int, steps: int) -> None:
    """The pipeline, as the engine opens it."""
    from easyphoto.engines.local import engine

    made = opened(family, root)
    checkpoint = made.checkpoint("full")
    choice = engine.ModelChoice(checkpoint, engine.choose_placement("cpu"))
    engine.renderer_of(checkpoint.family).open(choice, made._folders)


def passes(family: str, root: Path, side: int, steps: int) -> None:
    """A portrait's two: the face at .45, then its ring at .30, each with `steps` steps of the sampler."""
    import numpy as np
    from PIL import Image

    from easyphoto.domain import RenderJob
    from easyphoto.progress import silent

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3)).astype(np.uint8))
    mask = Image.new("L", picture.size)
    mask.paste(255, (side // 4, side // 4, 3 * side // 4, 3 * side // 4))
    made = opened(family, root)
    for seed, strength in ((1, 0.45), (2, 0.30)):
        count = int(np.ceil(steps / strength))
        job = RenderJob("full", "1person", "blurry", picture, mask, count, strength, 7.0, seed)
        picture = made.render(job, silent).picture


def train(family: str, root: Path, side: int, steps: int) -> None:
    """One optimizer step on one picture, with gradient checkpointing."""
    import numpy as np
    from PIL import Image

    from kohya_train.contract import TrainConfig

    data = root / "data" / "train"
    data.mkdir(parents=True)
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 3)).astype(np.uint8)
    Image.fromarray(picture).save(data / "0.png")
    (data / "0.txt").write_text("1person")
    config = TrainConfig(
        family=family,
        base_model=str(root / FILE),
        config_folder=str(root / "models" / "configs" / family),
        data_folder=str(root / "data"),
        output_folder=str(root / "out"),
        steps=1,
        resolution=side,
        batch_size=1,
        rank=16,
        alpha=16,
        gradient_checkpointing=True,
        precision="bf16" if family == "sdxl" else "fp32",
    )
    config.write(root / "job.json")
    command = [sys.executable, "-m", "kohya_train", str(root / "job.json")]
    said = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if said.returncode:
        raise SystemExit(said.stdout[-2000:] + said.stderr[-2000:])


STAGES: dict[str, Callable[[str, Path, int, int], None]] = {
    "make": make, "probe": probe, "load": load, "passes": passes, "train": train
}  # fmt: skip


def measured(stage: str, arguments: argparse.Namespace) -> None:
    """Run a stage here and print its figures."""
    wall = time.perf_counter()
    before = _processor_seconds()
    STAGES[stage](arguments.family, arguments.folder, arguments.side, arguments.steps)
    seconds, wall = _processor_seconds() - before, time.perf_counter() - wall
    who = resource.RUSAGE_CHILDREN if stage == "train" else resource.RUSAGE_SELF
    peak = resource.getrusage(who).ru_maxrss / 2**20
    name = f"{arguments.family}{', half as wide' if arguments.small else ''}, {arguments.side} px"
    size = (arguments.folder / FILE).stat().st_size / 2**30
    print(f"| {name} | {stage} | {size:.2f} | {seconds:.2f} | {wall:.2f} | {peak:.2f} |", flush=True)


def _processor_seconds() -> float:
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", choices=tuple(PRECISION))
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--side", type=int, help="of the picture, in pixels")
    parser.add_argument("--steps", type=int, help="of the sampler, in each pass")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--stage", choices=tuple(STAGES))
    given = parser.parse_args()
    given.side, given.steps = given.side or SIDE[given.family], given.steps or STEPS[given.family]
    if given.stage:
        measured(given.stage, given)
        return 0
    print("| model | stage | file GiB | processor s | s | peak GiB |\n|---|---|---|---|---|---|", flush=True)
    with TemporaryDirectory(dir=given.folder) as folder:
        configure(given.family, Path(folder), given.small)
        again = [sys.executable, __file__, given.family, "--side", str(given.side), "--steps", str(given.steps)]
        again += ["--small"] if given.small else []
        for stage in STAGES:
            subprocess.run([*again, "--folder", folder, "--stage", stage], check=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
