"""Trains the inpainting model; stopped at any moment it goes on from its last state.

python -m builtin_model.inpaint.train --faces DIR --work DIR --base DIR [--start FILE] [--steps N]

`--faces` is what tools/prepare_faces.py made, `--base` a model folder whose autoencoder and text
encoder are used, `--start` weights to begin from (without it: random ones). `--export DIR` writes a model folder
with the averaged weights of the last state and ends; with `--cool-down N` it first takes N steps at a falling rate,
in memory only, so that weights can be taken from a run that goes on.
"""

from __future__ import annotations

import argparse
import csv
import logging
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from builtin_model.inpaint import state
from builtin_model.inpaint.cache import read_cache
from builtin_model.inpaint.captions import CAPTIONS
from builtin_model.inpaint.evaluation import TIMES, errors_by_tone, held_out_batch, held_out_errors, sample_sheet
from builtin_model.inpaint.network import fresh_unet, read_unet
from builtin_model.inpaint.objective import loss, noised
from builtin_model.inpaint.parts import FaceInpaintModel, Frozen, read_frozen, save
from builtin_model.inpaint.pool import ViewPool
from builtin_model.inpaint.sampling import signals_of
from builtin_model.processor import bf16_probe

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """What decides the result, and how often it is looked at."""

    batch: int = 16
    learning_rate: float = 4e-4
    warm_up: int = 300  # steps
    decay: float = 0.9995  # of the average, a step
    clip: float = 1.0  # largest norm of the gradient
    seed: int = 0
    save_every: int = 100  # steps
    measure_every: int = 500
    sheet_every: int = 1000


class Trainer:
    """One run on one device."""

    def __init__(self, run: state.Run, pool: ViewPool, frozen: Frozen, recipe: Recipe) -> None:
        self.run, self.pool, self.frozen, self.recipe = run, pool, frozen, recipe
        self.device = next(run.unet.parameters()).device
        self.bf16 = self.device.type != "cpu" or bf16_probe().faster  # some processors only emulate it
        self.signals = signals_of()
        self.generator = torch.Generator().manual_seed(recipe.seed + run.step)
        self.states = frozen.states(CAPTIONS)
        self.held_out = held_out_batch(pool.cache, frozen.encode)

    def step(self, rate: float) -> float:
        """One step of the optimizer; its loss."""
        for group in self.run.optimizer.param_groups:
            group["lr"] = rate
        batch = self.pool.draw(self.recipe.batch)
        times = torch.randint(0, len(self.signals), (self.recipe.batch,), generator=self.generator)
        noise = torch.randn(batch.latents.shape, generator=self.generator).to(self.device)
        states, batch, level = self.states[batch.captions], batch.to(self.device), self.signals[times]
        level = level.to(self.device)
        given = torch.cat([noised(batch.latents, noise, level), batch.conditions()], 1)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            v = self.run.unet(
                given.to(memory_format=torch.channels_last), times.to(self.device), states.to(self.device)
            ).sample
        value = loss(v, batch, noise, level)
        self.run.optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.run.unet.parameters(), self.recipe.clip)
        self.run.optimizer.step()
        self.run.step += 1
        self.run.pictures += self.recipe.batch
        self.run.follow(self.recipe.decay)
        return value.item()

    def rate(self) -> float:
        """The learning rate of the next step."""
        return self.recipe.learning_rate * min(1.0, (self.run.step + 1) / self.recipe.warm_up)

    def train(self, work: Path, steps: int, stopped: list[int]) -> None:
        """Until so many steps in all are taken or `stopped` holds something; the state is saved in any case."""
        losses: list[float] = []
        while self.run.step < steps and not stopped:
            begun = time.monotonic()
            losses.append(self.step(self.rate()))
            self.run.seconds += time.monotonic() - begun
            if self.run.step % self.recipe.save_every == 0:
                state.save(self.run, work)
                _log.info("step %d, loss %.4f, %.0f s", self.run.step, np.mean(losses), self.run.seconds)
            if self.run.step % self.recipe.measure_every == 0:
                self.measure(work, float(np.mean(losses)))
                losses = []
            if self.run.step % self.recipe.sheet_every == 0:
                self.sheet(work / f"sheet-{self.run.step:06d}.png")
        state.save(self.run, work)

    def cool_down(self, steps: int) -> None:
        """That many steps at a rate that falls to zero; the average follows within them."""
        begun, decay = self.rate(), 1 - 4 / max(steps, 8)
        for done in range(steps):
            self.step(begun * (1 - (done + 1) / steps))
            self.run.follow(decay)

    def measure(self, work: Path, training_loss: float) -> None:
        """A line in curve.csv."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            errors = held_out_errors(self.run.average, self.held_out.to(self.device), self.states)
        row = {"step": self.run.step, "pictures": self.run.pictures, "seconds": round(self.run.seconds)}
        named = {f"error_{t}": f"{errors[t]:.4f}" for t in TIMES}
        write_row(work / "curve.csv", {**row, "loss": f"{training_loss:.4f}", **named})
        _log.info("step %d, held out: %s", self.run.step, named)

    def sheet(self, file: Path) -> None:
        """A picture of eight held-out faces."""
        rows = len(self.held_out.captions)
        some = self.held_out.part(slice(0, rows, max(1, rows // 8)))
        sample_sheet(self.run.average, some.part(slice(8)).to(self.device), self.states, self.frozen.decode, file)


def write_row(file: Path, row: dict[str, Any], order: str = "step") -> None:
    """Append to a table that is sorted by a column; rows of the same or a later value are dropped.

    Such rows are from before a killed run was resumed.
    """
    kept: list[dict[str, Any]] = []
    if file.is_file():
        with file.open(newline="", encoding="utf-8") as lines:
            kept = [old for old in csv.DictReader(lines) if float(old[order]) < row[order]]
    with file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, list(row))
        writer.writeheader()
        writer.writerows([*kept, row])


def prepare(options: argparse.Namespace, recipe: Recipe) -> Trainer:
    """Start weights or the last state, the faces and the frozen parts."""
    unet, history = read_unet(options.start) if options.start else (fresh_unet(), [])
    device = torch.device(options.device)
    run = state.begin(unet.to(device, memory_format=torch.channels_last), recipe.learning_rate, history)
    if state.resume(run, options.work):
        _log.info("resumed at step %d", run.step)
    else:
        run.history.append({"start": options.start.name if options.start else "random", "recipe": asdict(recipe)})
    rng = np.random.default_rng([recipe.seed, run.step])
    frozen = read_frozen(options.base)
    return Trainer(run, ViewPool(read_cache(options.faces), frozen.encode, rng), frozen, recipe)


def export(trainer: Trainer, options: argparse.Namespace) -> None:
    """A whole model folder with the averaged weights and their history; its curve.csv says how good they are."""
    if options.cool_down:
        trainer.cool_down(options.cool_down)
    run = trainer.run
    run.history[-1].update(steps=run.step, pictures=run.pictures, hours=round(run.seconds / 3600, 2))
    run.history[-1].update(cooled=options.cool_down, device=options.device, threads=torch.get_num_threads())
    options.export.mkdir(parents=True, exist_ok=True)
    trainer.measure(options.export, float("nan"))
    trainer.sheet(options.export / "sheet.png")
    for row in errors_by_tone(run.average, trainer.pool.cache, trainer.held_out, trainer.states):
        write_row(options.export / "tones.csv", row, "darker_than")
    save(FaceInpaintModel(run.average, trainer.frozen, tuple(run.history)), options.export)
    _log.info("step %d written to %s", run.step, options.export)


def main() -> None:
    """The command."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("faces", "work", "base"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=Recipe.learning_rate, help="learning rate after the warm-up")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--export", type=Path)
    parser.add_argument("--cool-down", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)  # its pictures are small, and its threads spin
    trainer = prepare(options, Recipe(learning_rate=options.rate))
    if options.export:
        export(trainer, options)
        return
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: stopped.append(received))
    trainer.train(options.work, options.steps, stopped)


if __name__ == "__main__":
    main()
