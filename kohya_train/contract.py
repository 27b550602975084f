"""The trainer's configuration (`TrainConfig`, one JSON file) and what it reports (`Event`, JSON lines on stdout).

Standard library only: both packages read it, and the writer may have neither torch nor our own packages.
Paths are stored as they are given; give absolute ones.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar

VERSION = 1
_FAMILY_FILES = (Path(__file__).parent / "families").glob("*.py")
FAMILIES = tuple(sorted(file.stem.replace("_", "-") for file in _FAMILY_FILES if file.stem not in ("__init__", "base")))
"""Names of those that `families` has a file of."""

STOP_WITH_PARENT = "--stop-with-parent"
"""Command line switch: end when standard input is closed, i.e. when the process that started us is gone."""


class TrainerError(Exception):
    """A failure as a code with parameters of plain JSON; the reader of the events has the words for it."""

    def __init__(self, code: str, /, **params: Any) -> None:
        told = ", ".join(f"{name}={value}" for name, value in params.items())
        super().__init__(f"{code}: {told}" if told else code)
        self.code = code
        self.params = params


class BadConfig(TrainerError, ValueError):
    """The JSON is not a TrainConfig of this version."""


# ---------------------------------------------------------------- the configuration


@dataclass(frozen=True)
class ValidationTemplate:
    """A picture and its mask ("L", same size, white = repaint)."""

    picture: str
    mask: str


@dataclass(frozen=True)
class ValidationPlan:
    """How validation images are made at each checkpoint; without templates there are none."""

    templates: tuple[ValidationTemplate, ...] = ()
    prompt: str = ""
    negative_prompt: str = ""
    strength: float = 0.65
    steps: int = 20
    cfg_scale: float = 9.0


@dataclass(frozen=True)
class TrainConfig:
    """One training run. Defaults are SD 1.5's; lengths in pixels, learning rates per optimiser step."""

    family: str  # one of FAMILIES
    base_model: str  # a .safetensors file or a diffusers folder
    data_folder: str  # train/*.png with captions in *.txt, metadata.jsonl
    output_folder: str  # checkpoint-N.safetensors, validation_images/, resume.safetensors
    steps: int  # optimiser steps
    config_folder: str = ""  # architecture and tokenizer for a single file; "" for a diffusers folder
    name: str = "easyphoto"  # ss_output_name
    resolution: int = 512
    save_steps: int = 100
    batch_size: int = 1
    accumulation: int = 4
    learning_rate: float = 1e-4
    text_encoder_lr: float = 5e-5  # 0 leaves the text encoder as it is
    rank: int = 128
    alpha: float = 64.0
    min_snr_gamma: float = 0.0
    noise_offset: float = 0.0
    gradient_checkpointing: bool = False
    precision: str = "auto"  # auto | fp32 | fp16 | bf16
    seed: int = 42
    threads: int = 0  # CPU threads; 0 = as many as torch takes by itself
    processes: int = 1  # 0 = one a GPU, one on CPU
    resume: bool = False
    validation_images: ValidationPlan = field(default_factory=ValidationPlan)

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise BadConfig("unknown-family", family=self.family)
        for name in ("steps", "save_steps", "batch_size", "accumulation", "rank", "resolution"):
            if getattr(self, name) < 1:
                raise BadConfig("below-one", name=name)
        if not 0 < self.alpha <= self.rank:
            raise BadConfig("alpha-out-of-range", alpha=self.alpha, rank=self.rank)

    def write(self, file: Path) -> None:
        """As versioned JSON, UTF-8."""
        stored = {"version": VERSION, **asdict(self)}
        file.write_text(json.dumps(stored, ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> TrainConfig:
        """The config in `file`. Raises BadConfig; OSError when it cannot be read."""
        try:
            stored = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as problem:
            raise BadConfig("no-json", file=str(file), why=str(problem)) from problem
        if not isinstance(stored, dict) or stored.pop("version", None) != VERSION:
            raise BadConfig("other-version", file=str(file), version=VERSION)
        plan = _build(ValidationPlan, stored.pop("validation_images", {}))
        templates = tuple(_build(ValidationTemplate, one) for one in plan.templates)
        config: TrainConfig = _build(cls, {**stored, "validation_images": replace(plan, templates=templates)})
        return config


def _build(kind: type[Any], values: Any) -> Any:
    if not isinstance(values, dict):
        raise BadConfig("no-object", kind=kind.__name__)
    if unknown := values.keys() - {f.name for f in fields(kind)}:
        raise BadConfig("unknown-fields", kind=kind.__name__, names=sorted(unknown))
    try:
        return kind(**values)
    except TypeError as problem:
        raise BadConfig("mistyped", kind=kind.__name__, why=str(problem)) from problem


# ---------------------------------------------------------------- the answers


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
    event: TrainerEvent = _build(kind, values)
    if isinstance(event, Resumed):
        return Resumed(event.step, tuple((int(step), float(loss)) for step, loss in event.losses))
    return event
