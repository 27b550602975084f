"""What a killed run needs to go on as if nothing had happened: fp32 LoRA, optimizer, EMA, plan, step, losses.

Random numbers need no state: every step draws from a generator seeded by (seed, step), see `step.generator_for`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from kohya_train import optimizers
from kohya_train.contract import TrainConfig, TrainerError
from kohya_train.export import read_lora, read_metadata, write_tensors
from kohya_train.processes import group_size

if TYPE_CHECKING:
    from kohya_train.run import TrainerRun

Losses = list[tuple[int, float]]

_FREE = frozenset(
    {"steps", "save_steps", "output_folder", "resume", "validation_images", "threads", "name", "cache_folder"}
    | {"machine_folder", "log_with", "license", "author", "thumbnail"}
)
"""Fields that may change between a run and its continuation."""
_PERIODIC = frozenset({"linear", "cosine", "cosine_with_restarts"})
"""Schedules whose every rate depends on the number of steps."""
_EMA = "ema"


class NoResume(TrainerError):
    """The resume file is missing, damaged or of another run."""


def resume_file(folder: Path) -> Path:
    """Where the state of a run lies."""
    return folder / "resume.safetensors"


def fingerprint(config: TrainConfig) -> str:
    """Same text, same training: a hash of all fields that shape the weights."""
    free = _FREE - {"steps"} if config.lr_scheduler in _PERIODIC else _FREE
    shaping = {name: value for name, value in asdict(config).items() if name not in free}
    # Processes and passes share the pictures of a step alike.
    shaping |= {"processes": 1, "accumulation": config.accumulation * group_size()}
    if config.class_prompt:
        shaping["reg_folder"] = ""  # it follows from the prompt
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()


def choices_before(config: TrainConfig) -> dict[str, Any]:
    """What the run to be resumed had chosen for itself: precision, parts, checkpointing, folded; else empty."""
    if not config.resume:
        return {}
    try:
        note = read_metadata(resume_file(Path(config.output_folder)))
        found = json.loads(note["choices"]) if note.get("fingerprint") == fingerprint(config) else {}
    except (OSError, ValueError, KeyError, SafetensorError):
        return {}
    return found if isinstance(found, dict) else {}


def save_state(run: TrainerRun, losses: Losses) -> None:
    """Write the state after the last step in `losses`; complete or not there at all."""
    weights, optimizer = run.network.tensors(), run.optimizer.optimizer
    tensors = {name: weight.detach().cpu() for name, weight in weights.items()}
    if run.ema:
        tensors |= {f"{name}/{_EMA}": average.cpu() for name, average in run.ema.averages.items()}
    tensors |= optimizers.state_tensors(optimizer, weights)
    precision = {"no": "fp32"}.get(run.accelerator.mixed_precision, run.accelerator.mixed_precision)
    note = {
        "fingerprint": fingerprint(run.config),
        "losses": json.dumps(losses),
        "optimizer": optimizers.state_text(optimizer, weights),
        "choices": json.dumps({"precision": precision, **asdict(run.plan)}),
    }
    write_tensors(resume_file(run.folder), tensors, note)


def load_state(run: TrainerRun) -> Losses:
    """Put the saved state into the run; losses of the steps done. Raises NoResume."""
    file = resume_file(run.folder)
    if not file.is_file():
        raise NoResume("no-saved-state")
    try:
        tensors, note = read_lora(file)
        losses = [(int(step), float(loss)) for step, loss in json.loads(note["losses"])]
        if note["fingerprint"] != fingerprint(run.config):
            raise NoResume("state-of-other-settings")
        _put(run, tensors, note)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as problem:
        raise NoResume("damaged-state", why=str(problem)) from problem
    return losses


def _put(run: TrainerRun, tensors: dict[str, Any], note: dict[str, str]) -> None:
    weights = run.network.tensors()
    averages = run.ema.averages if run.ema else {}
    owners = {key.partition("/")[0] for key in tensors}
    if owners != weights.keys() or not weights.keys() <= tensors.keys():
        raise NoResume("state-of-other-modules")
    for name, weight in weights.items():
        weight.data.copy_(tensors.pop(name))
        if name in averages:
            averages[name].copy_(tensors.pop(f"{name}/{_EMA}"))
    optimizers.load_state(run.optimizer.optimizer, weights, tensors, note["optimizer"])
