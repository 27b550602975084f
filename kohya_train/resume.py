"""What a killed run needs to go on as if nothing had happened: fp32 LoRA, Adam's moments, step, losses.

Random numbers need no state: every step draws from a generator seeded by (seed, step), see `step.generator_for`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError

from kohya_train.contract import TrainConfig, TrainerError
from kohya_train.export import read_lora, write_tensors
from kohya_train.network import Network

Losses = list[tuple[int, float]]

_MOMENTS = ("exp_avg", "exp_avg_sq")
_FREE = ("steps", "save_steps", "output_folder", "resume", "validation_images", "threads", "name")
"""Fields that may change between a run and its continuation."""


class NoResume(TrainerError):
    """The resume file is missing, damaged or of another run."""


def resume_file(folder: Path) -> Path:
    """Where the state of a run lies."""
    return folder / "resume.safetensors"


def fingerprint(config: TrainConfig) -> str:
    """Same text, same training: a hash of all fields that shape the weights."""
    shaping = {name: value for name, value in asdict(config).items() if name not in _FREE}
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()


def save_state(config: TrainConfig, network: Network, optimizer: torch.optim.Optimizer, losses: Losses) -> None:
    """Write the state after the last step in `losses`; complete or not there at all."""
    tensors = {}
    for name, weight in network.tensors().items():
        tensors[name] = weight.detach().cpu()
        # A weight that the loss never reaches (the last layer of SDXL's first text encoder) has no moments.
        moments = {moment: torch.zeros_like(weight) for moment in _MOMENTS} | optimizer.state.get(weight, {})
        for moment in _MOMENTS:
            tensors[f"{name}/{moment}"] = moments[moment].detach().cpu()
    note = {"fingerprint": fingerprint(config), "losses": json.dumps(losses)}
    write_tensors(resume_file(Path(config.output_folder)), tensors, note)


def load_state(config: TrainConfig, network: Network, optimizer: torch.optim.Optimizer) -> Losses:
    """Put the saved state into network and optimiser; losses of the steps done. Raises NoResume."""
    file = resume_file(Path(config.output_folder))
    if not file.is_file():
        raise NoResume("no-saved-state")
    try:
        tensors, note = read_lora(file)
        losses = [(int(step), float(loss)) for step, loss in json.loads(note["losses"])]
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as problem:
        raise NoResume("damaged-state", why=str(problem)) from problem
    if note.get("fingerprint") != fingerprint(config):
        raise NoResume("state-of-other-settings")
    weights = network.tensors()
    if tensors.keys() != {key for name in weights for key in (name, *(f"{name}/{m}" for m in _MOMENTS))}:
        raise NoResume("state-of-other-modules")
    for name, weight in weights.items():
        weight.data.copy_(tensors[name])
        moments = {m: tensors[f"{name}/{m}"].to(weight.device) for m in _MOMENTS}
        optimizer.state[weight] = {"step": torch.tensor(float(losses[-1][0])), **moments}
    return losses
