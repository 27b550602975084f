"""What the trainer reports: one event a line of JSON on standard output."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from kohya_train.contract.failures import BadConfig, TrainerError
from kohya_train.contract.plain import build


@dataclass(frozen=True)
class Started:
    """The process runs; heavy imports come next."""

    event: ClassVar[str] = "started"
    pid: int
    steps: int


@dataclass(frozen=True)
class Loaded:
    """The base model is in memory with the LoRA modules in it."""

    event: ClassVar[str] = "loaded"
    te_modules: int
    unet_modules: int
    device: str = "cpu"
    precision: str = "fp32"
    why: str = "asked"  # a code of `trainer.precision.`: why it is this precision
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Resumed:
    """The run goes on after `step`; `losses` are those of the steps before, as (step, loss)."""

    event: ClassVar[str] = "resumed"
    step: int
    losses: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Stepped:
    """An optimiser step is done. `seconds` is its duration."""

    event: ClassVar[str] = "step"
    step: int
    total: int
    loss: float
    lr: float
    seconds: float


@dataclass(frozen=True)
class Saved:
    """A LoRA file is complete on disk."""

    event: ClassVar[str] = "checkpoint"
    step: int
    file: str


@dataclass(frozen=True)
class ValidationSaved:
    """A validation image is complete on disk; `template` counts from 0."""

    event: ClassVar[str] = "trial"
    step: int
    template: int
    file: str


@dataclass(frozen=True)
class Warned:
    """Something went wrong that does not end the training."""

    event: ClassVar[str] = "warning"
    message: str  # for logs
    code: str = ""  # as of TrainerError, with its parameters; empty for what a library said
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """The run ends here. `stage` is load, data, train, save or config; `kind` the exception's class; else as Warned."""

    event: ClassVar[str] = "failed"
    stage: str
    message: str
    kind: str
    code: str = ""
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """All steps are done and saved."""

    event: ClassVar[str] = "done"
    seconds: float


def warned(problem: TrainerError) -> Warned:
    """The event of a failure that does not end the training."""
    return Warned(str(problem), problem.code, problem.params)


def failed(stage: str, problem: BaseException) -> Failed:
    """The event of the failure that ends it."""
    known = (problem.code, problem.params) if isinstance(problem, TrainerError) else ("", {})
    return Failed(stage, str(problem) or repr(problem), type(problem).__name__, *known)


TrainerEvent = Started | Loaded | Resumed | Stepped | Saved | ValidationSaved | Warned | Failed | Done

_EVENTS: dict[str, type[Any]] = {
    kind.event: kind for kind in (Started, Loaded, Resumed, Stepped, Saved, ValidationSaved, Warned, Failed, Done)
}


def encode(event: TrainerEvent) -> str:
    """One line of ASCII JSON without its newline."""
    return json.dumps({"event": event.event, **asdict(event)})


def decode(line: str) -> TrainerEvent:
    """The event of a line. Raises BadConfig when it is none."""
    try:
        values = json.loads(line)
        kind = _EVENTS[values.pop("event")]
    except (ValueError, KeyError, AttributeError, TypeError) as problem:
        raise BadConfig("no-event", line=line[:200]) from problem
    event: TrainerEvent = build(kind, values)
    if isinstance(event, Resumed):
        return Resumed(event.step, tuple((int(step), float(loss)) for step, loss in event.losses))
    return event
