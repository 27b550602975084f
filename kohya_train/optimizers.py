"""Optimizers by kohya's names, the learning rate of a step, and an optimizer's state as plain tensors."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from kohya_train.contract import TrainConfig, TrainerError

Groups = list[dict[str, Any]]


class NoOptimizer(TrainerError):
    """The package of the optimizer is not installed."""


def make_optimizer(groups: Groups, config: TrainConfig) -> torch.optim.Optimizer:
    """The optimizer of the config over these groups, each with its learning rate. Raises NoOptimizer."""
    try:
        optimizer = _MAKERS[config.optimizer](groups, config)
    except ImportError as problem:
        raise NoOptimizer("no-optimizer", name=config.optimizer, why=str(problem)) from problem
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
    if callable(mode := getattr(optimizer, "train", None)):
        mode()
    return optimizer


def _adamw(groups: Groups, config: TrainConfig) -> torch.optim.Optimizer:
    """One kernel for all weights where torch has it, else one call a kind of operation."""
    options: dict[str, Any] = {"betas": (0.9, 0.999), "weight_decay": config.weight_decay, "eps": 1e-8}
    try:
        return torch.optim.AdamW(groups, fused=True, **options)
    except (RuntimeError, TypeError):
        return torch.optim.AdamW(groups, foreach=True, **options)


def _adamw_8bit(groups: Groups, config: TrainConfig) -> torch.optim.Optimizer:
    from bitsandbytes.optim import AdamW8bit

    made: torch.optim.Optimizer = AdamW8bit(groups, weight_decay=config.weight_decay)
    return made


def _adafactor(groups: Groups, config: TrainConfig) -> torch.optim.Optimizer:
    """With the learning rates that are given, not its own relative ones."""
    from transformers.optimization import Adafactor

    own = {"scale_parameter": False, "relative_step": False, "warmup_init": False}
    made: torch.optim.Optimizer = Adafactor(groups, weight_decay=config.weight_decay, **own)
    return made


def _prodigy(groups: Groups, config: TrainConfig) -> torch.optim.Optimizer:
    """Finds the learning rate itself; what is given is a factor, 1 as a rule, the U-Net's for all weights."""
    from prodigyopt import Prodigy

    groups = [{"params": [weight for group in groups for weight in group["params"]], "lr": groups[-1]["lr"]}]
    own = {"decouple": True, "use_bias_correction": True, "safeguard_warmup": True}
    made: torch.optim.Optimizer = Prodigy(groups, weight_decay=config.weight_decay, **own)
    return made


def _schedule_free(groups: Groups, config: TrainConfig) -> torch.optim.Optimizer:
    """Averages the weights in place of lowering the rate; its warm-up is its own."""
    from schedulefree import AdamWScheduleFree

    made: torch.optim.Optimizer = AdamWScheduleFree(
        groups, weight_decay=config.weight_decay, warmup_steps=config.lr_warmup_steps
    )
    return made


_MAKERS: Mapping[str, Callable[[Groups, TrainConfig], torch.optim.Optimizer]] = {
    "AdamW": _adamw,
    "AdamW8bit": _adamw_8bit,
    "Adafactor": _adafactor,
    "Prodigy": _prodigy,
    "AdamWScheduleFree": _schedule_free,
}


@contextmanager
def averaged(optimizer: Any) -> Iterator[None]:
    """Inside it the weights are those that a schedule-free optimizer means, for saving and looking; else nothing."""
    if not callable(getattr(optimizer, "eval", None)):
        yield
        return
    optimizer.eval()
    try:
        yield
    finally:
        optimizer.train()


# ---------------------------------------------------------------- learning rates


def learning_rate_factor(config: TrainConfig, step: int) -> float:
    """What a group's learning rate is multiplied by at `step`, counted from 1; it has no state, so resuming needs none.

    A schedule-free optimizer keeps its rate.
    """
    if config.optimizer == "AdamWScheduleFree":
        return 1.0
    warm = config.lr_warmup_steps if config.lr_scheduler != "constant" else 0
    if step <= warm:
        return step / (warm + 1)
    done = (step - 1 - warm) / max(1, config.steps - warm)
    return _DECAYS[config.lr_scheduler](done, config.lr_scheduler_num_cycles)


def _cosine(done: float, cycles: int) -> float:
    return 0.5 * (1 + math.cos(math.pi * done))


_DECAYS: Mapping[str, Callable[[float, int], float]] = {
    "constant": lambda done, cycles: 1.0,
    "constant_with_warmup": lambda done, cycles: 1.0,
    "linear": lambda done, cycles: 1 - done,
    "cosine": _cosine,
    "cosine_with_restarts": lambda done, cycles: _cosine(done * cycles % 1.0, 1),
}
"""Of the share of steps done after the warm-up, 0 up to but not including 1."""


def set_learning_rate(optimizer: torch.optim.Optimizer, config: TrainConfig, step: int) -> float:
    """Set every group's rate for the step; the last group's, which is the U-Net's."""
    factor = learning_rate_factor(config, step)
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor
    rate: float = optimizer.param_groups[-1]["lr"]
    return rate


# ---------------------------------------------------------------- its state


def state_tensors(optimizer: torch.optim.Optimizer, weights: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
    """Every tensor of the state by NAME/KEY on the CPU, each with memory of its own."""
    found = {}
    for name, weight in weights.items():
        for key, value in optimizer.state.get(weight, {}).items():
            if isinstance(value, Tensor):
                found[f"{name}/{key}"] = value.detach().cpu().clone()
    return found


def state_text(optimizer: torch.optim.Optimizer, weights: Mapping[str, nn.Parameter]) -> str:
    """What of the state are no tensors, and the groups' own values, as JSON."""
    plain = {
        name: {key: value for key, value in optimizer.state.get(weight, {}).items() if not isinstance(value, Tensor)}
        for name, weight in weights.items()
    }
    groups = [{k: _plain(v) for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
    return json.dumps({"state": {name: values for name, values in plain.items() if values}, "groups": groups})


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, Tensor) else value


def load_state(
    optimizer: torch.optim.Optimizer, weights: Mapping[str, nn.Parameter], tensors: Mapping[str, Tensor], text: str
) -> None:
    """Put back what `state_tensors` and `state_text` gave. Raises KeyError, TypeError or ValueError for other text."""
    told = json.loads(text)
    by_name: dict[str, dict[str, Any]] = {name: dict(values) for name, values in told["state"].items()}
    for key, value in tensors.items():
        name, _, own = key.rpartition("/")
        # Counters of steps stay on the CPU: a fused AdamW moves them itself.
        moved = value.clone() if value.dim() == 0 else value.to(weights[name].device, copy=True)
        by_name.setdefault(name, {})[own] = moved
    for name, state in by_name.items():
        optimizer.state[weights[name]] = state
    for group, values in zip(optimizer.param_groups, told["groups"], strict=True):
        group.update({k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
