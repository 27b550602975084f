"""Trains the built-in base model: the noise levels that img2img uses, on face crops, within a time limit.

python -m builtin_model.train --pictures DIR --start models/builtin/base --work DIR --hours 1.5

Stopped at any moment it goes on from its last checkpoint, and its learning rate falls to zero at the
end of the hours. `--export DIR` writes the averaged weights of the last checkpoint and ends.
"""

from __future__ import annotations

import argparse
import copy
import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from builtin_model.data import PortraitSource, stack
from builtin_model.model import BaseModel, load, save

_log = logging.getLogger(__name__)
_STATE = "state.pt"


@dataclass(frozen=True)
class Recipe:
    """What decides the result."""

    side: int = 256
    batch: int = 8
    learning_rate: float = 4e-4
    warm_up: int = 200  # steps
    decay: float = 0.998  # of the averaged weights, a step
    dropout: float = 0.1  # of captions, for classifier-free guidance
    last_noise: int = 650  # timesteps from here on are never trained: img2img does not use them
    lean: float = 1.5  # 1 = all noise levels alike; more leans to the low ones
    seed: int = 0


class Networks(nn.Module):
    """The two trained networks as one module."""

    def __init__(self, model: BaseModel) -> None:
        super().__init__()
        self.unet, self.text_encoder = model.unet, model.text_encoder

    def forward(self, noisy: Tensor, times: Tensor, tokens: Tensor) -> Tensor:
        """The predicted noise."""
        states = self.text_encoder(tokens)[0]
        noise: Tensor = self.unet(noisy, times, states).sample
        return noise


class Trainer:
    """One run: networks, their running average, optimiser, and the seconds spent so far."""

    def __init__(self, model: BaseModel, source: PortraitSource, recipe: Recipe, seconds: float) -> None:
        self.model, self.source, self.recipe, self.limit = model, source, recipe, seconds
        self.networks = Networks(model).float().train()
        self.average = copy.deepcopy(self.networks).eval().requires_grad_(False)
        parameters = self.networks.parameters()
        self.optimizer = torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=1e-3, fused=True)
        self.step, self.seconds = 0, 0.0
        self.rng = np.random.default_rng(recipe.seed)

    def run(self, work: Path, save_every: float) -> None:
        """Train until the time is over, with a checkpoint every `save_every` seconds."""
        last_saved, losses = self.seconds, []
        while self.seconds < self.limit:
            begun = time.monotonic()
            losses.append(self.train_step())
            self.seconds += time.monotonic() - begun
            if self.step % 50 == 0:
                _log.info("step %d, %.0f s, loss %.4f", self.step, self.seconds, sum(losses) / len(losses))
                losses = []
            if self.seconds - last_saved > save_every:
                self.save(work)
                last_saved = self.seconds
        self.save(work)

    def train_step(self) -> float:
        """One optimiser step; its loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        latents, times, tokens = self._batch()
        noise = torch.randn_like(latents)
        noisy = self.model.scheduler.add_noise(latents, noise, times)
        with torch.autocast("cpu", torch.bfloat16):
            guess = self.networks(noisy.to(memory_format=torch.channels_last), times, tokens)
        loss = functional.mse_loss(guess.float(), noise)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.networks.parameters(), 1.0)
        self.optimizer.step()
        self._follow()
        self.step += 1
        return loss.item()

    def _batch(self) -> tuple[Tensor, Tensor, Tensor]:
        recipe = self.recipe
        samples = self.source.draw(recipe.batch)
        with torch.no_grad():
            latents = self.model.vae.encode(stack(samples)).latent_dist.mode()
        drawn = self.rng.random(recipe.batch) ** recipe.lean * recipe.last_noise
        captions = ["" if self.rng.random() < recipe.dropout else sample.caption for sample in samples]
        return latents, torch.from_numpy(drawn.astype(np.int64)), self.model.tokens(captions)

    def _rate(self) -> float:
        """Linear warm-up by steps, then a cosine to zero by time."""
        warm = min(1.0, (self.step + 1) / self.recipe.warm_up)
        fall = 0.5 * (1 + np.cos(np.pi * min(1.0, self.seconds / self.limit)))
        return float(self.recipe.learning_rate * warm * fall)

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the networks; quickly at first."""
        share = 1 - min(self.recipe.decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.networks.parameters()), share)

    def save(self, work: Path) -> None:
        """Write the state aside, then move it into place."""
        work.mkdir(parents=True, exist_ok=True)
        state: dict[str, Any] = {
            "networks": self.networks.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "recipe": asdict(self.recipe),
        }
        aside = work / (_STATE + ".part")
        torch.save(state, aside)
        aside.replace(work / _STATE)
        _log.info("saved at step %d", self.step)

    def resume(self, work: Path) -> None:
        """Take up the last checkpoint, if there is one; pictures and noise are drawn afresh."""
        if not (work / _STATE).is_file():
            return
        state = torch.load(work / _STATE, weights_only=True)
        self.networks.load_state_dict(state["networks"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.rng = np.random.default_rng([self.recipe.seed, self.step])
        self.source.rng = np.random.default_rng([self.recipe.seed, self.step, 1])
        torch.manual_seed(self.recipe.seed + self.step)


def export(model: BaseModel, work: Path, out: Path) -> None:
    """Write the averaged weights of the last checkpoint over the networks of a model folder."""
    state = torch.load(work / _STATE, weights_only=True)
    Networks(model).load_state_dict(state["average"])
    save(model, out)
    _log.info("step %d written to %s", state["step"], out)


def main() -> None:
    """The command."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="folder with index.csv (file, side_px, face_width_fraction)")
    parser.add_argument("--start", type=Path, required=True, help="model folder of builtin_model.build")
    parser.add_argument("--work", type=Path, required=True, help="where the checkpoint lies")
    parser.add_argument("--hours", type=float, default=1.5)
    parser.add_argument("--save-every", type=float, default=240, help="seconds")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--export", type=Path, help="write the averaged weights here and end")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load(options.start)
    if options.export:
        export(model, options.work, options.export)
        return
    recipe = Recipe()
    source = PortraitSource(options.pictures, recipe.side, recipe.seed)
    trainer = Trainer(model, source, recipe, options.hours * 3600)
    trainer.resume(options.work)
    trainer.run(options.work, options.save_every)


if __name__ == "__main__":
    main()
