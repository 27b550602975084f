"""TrainingSet + request -> the trainer's process -> Steps, checkpoints and validation images."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from easyphoto.domain import Checkpoint, LoraCheckpoint, TrainingSet, TrainRequest
from easyphoto.errors import MissingModel, TrainingFailed, TrainingInterrupted
from easyphoto.locales import Message, from_json, message
from easyphoto.paths import shipped_models
from easyphoto.printable import printable
from easyphoto.private_files import make_private, temporary_variables
from easyphoto.progress import Progress, Step, silent
from easyphoto.stages import Stage
from easyphoto.training.failure_causes import CAUSES, KILLED, UNKNOWN, known_cause
from easyphoto.training.interpreter import Interpreter, own_python
from easyphoto.training.trainer_process import lines, running
from kohya_train import contract
from kohya_train.contract import TrainConfig, ValidationPlan

_log = logging.getLogger(__name__)

LOG_NAME = "train.log"
STOP_FILE = contract.STOP_FILE
LAST_LINES = 40
PRECISION_REASONS = (
    "trainer.precision.asked",
    "trainer.precision.resumed",
    "trainer.precision.exact",
    "trainer.precision.gpu-bf16",
    "trainer.precision.gpu-fp16",
    "trainer.precision.faster",
    "trainer.precision.not-faster",
)


@dataclass(frozen=True)
class ValidationInput:
    """A picture for validation images, and its mask ("L", same size, 255 = repaint)."""

    picture: Path
    mask: Path


@dataclass(frozen=True)
class TrainerJob:
    """All the trainer is told. `folder` receives checkpoints, validation images, log and configuration."""

    training_set: TrainingSet
    request: TrainRequest
    base: Checkpoint
    folder: Path
    templates: tuple[ValidationInput, ...] = ()
    resume: bool = False
    machine: Path | None = None  # where the trainer keeps what it has measured about the machine
    interpreter: Interpreter = field(default_factory=lambda: own_python(silent))
    lora: Path | None = None  # of a finished person, to go on from


@dataclass(frozen=True)
class ValidationImage:
    """A validation image; `template` is its place in the job's templates."""

    step: int
    template: int
    file: Path


@dataclass(frozen=True)
class TrainingRun:
    """What the trainer left."""

    checkpoints: tuple[LoraCheckpoint, ...]  # by step
    validation_images: tuple[ValidationImage, ...]  # by step, then template
    losses: tuple[tuple[int, float], ...]  # (step, loss)
    seconds: float
    log: Path
    warnings: tuple[Message, ...] = ()


@dataclass
class _RunState:
    """What the trainer has reported so far."""

    total: int
    expected: int = 0  # validation images
    validating: bool = False  # a checkpoint is saved, and its validation images are being made
    done: int = 0
    loss: float | None = None
    checkpoints: dict[int, Path] = field(default_factory=dict)
    validation_images: dict[tuple[int, int], Path] = field(default_factory=dict)
    losses: dict[int, float] = field(default_factory=dict)
    warnings: list[Message] = field(default_factory=list)
    failure: contract.Failed | None = None
    finished: bool = False
    note: Message = field(default_factory=lambda: message("trainer.note.starting"))

    def step(self, preview: Image.Image | None = None) -> Step:
        """As a step of the progress."""
        figures = {} if self.loss is None else {"loss": self.loss}
        return Step(Stage.TRAIN, self.done, self.total, self.note, figures, preview)

    def validation_step(self) -> Step:
        """How many validation images there are."""
        return Step(Stage.VALIDATION, min(len(self.validation_images), self.expected), self.expected)


def launch(job: TrainerJob, report: Progress) -> TrainingRun:
    """Train in a process of its own and wait for it.

    Raises TrainingInterrupted when it ends early with a checkpoint to go on from or is killed, else TrainingFailed.
    With `accept_early` an early end with a checkpoint is a run with a warning.
    Whatever `report` raises (Cancelled) ends the process with all its children within 3 s and passes through.
    """
    begun = time.monotonic()
    make_private(job.folder)
    config = build_config(job)
    file, log = job.folder / "run.json", job.folder / LOG_NAME
    config.write(file)
    state = _RunState(config.steps, _expected_images(job, config))
    python = job.interpreter
    environment = {**python.environment(), **temporary_variables(job.folder / "tmp")}
    with log.open("ab") as sink, running(command(python, file), sink, environment, job.folder) as process:
        for line in lines(process):
            preview = None if line is None else _on_event(line, state)
            if preview is not None or not state.validating:
                report(state.step(preview))
            if state.validating:
                report(state.validation_step())
        code = process.wait()
    return _settle(job, state, code, time.monotonic() - begun)


def _expected_images(job: TrainerJob, config: TrainConfig) -> int:
    """Validation images of all checkpoints and of step 0."""
    return len(job.templates) * (1 + math.ceil(config.steps / config.save_steps))


_SAME = (
    *("resolution", "save_steps", "batch_size", "accumulation", "learning_rate", "text_encoder_lr"),
    *("rank", "alpha", "min_snr_gamma", "noise_offset", "gradient_checkpointing", "precision", "seed"),
    *("masked_loss", "ema_decay", "lr_scheduler", "processes"),
)
"""Fields that request and configuration share by name."""


def build_config(job: TrainerJob) -> TrainConfig:
    """The job as the trainer reads it. Raises MissingModel when the base has no file."""
    if job.base.file is None:
        raise MissingModel("training.no-base-file", stage="training", file=job.base.name)
    request, family = job.request, job.base.family
    return TrainConfig(
        family=family.value,
        base_model=str(job.base.file.resolve()),
        config_folder=str(shipped_models() / "configs" / family.value) if job.base.file.is_file() else "",
        data_folder=str(job.training_set.folder.resolve()),
        output_folder=str(job.folder.resolve()),
        name=request.person or "easyphoto",
        steps=request.steps_for(len(job.training_set.pictures)),
        resume=job.resume,
        machine_folder="" if job.machine is None else str(job.machine.resolve()),
        validation_images=_validation_plan(job),
        network_weights="" if job.lora is None else str(job.lora.resolve()),
        **{name: getattr(request, name) for name in _SAME},
    )


def _validation_plan(job: TrainerJob) -> ValidationPlan:
    if not job.request.validation:
        return ValidationPlan()
    templates = tuple(
        contract.ValidationTemplate(str(one.picture.resolve()), str(one.mask.resolve())) for one in job.templates
    )
    settings = asdict(job.base.family.spec.validation)
    del settings["template_scale"]  # the templates are that large already
    return ValidationPlan(templates=templates, prompt=job.training_set.caption, at_start=True, **settings)


def command(python: Interpreter, file: Path) -> list[str]:
    """The command line that trains as the configuration `file` says."""
    return python.command("kohya_train", str(file.resolve()), contract.STOP_WITH_PARENT)


# ---------------------------------------------------------------- what it says


def _on_event(line: str, state: _RunState) -> Image.Image | None:
    """Put a line's event into the state; the picture of a validation image."""
    try:
        event = contract.decode(line)
    except contract.BadConfig:
        _log.warning("the trainer said: %s", printable(line.rstrip()))
        return None
    match event:
        case contract.Started():
            state.note = message("trainer.note.loading")
        case contract.Loaded():
            state.note = training_note(event)
        case contract.Resumed():
            state.done, state.losses = event.step, dict(event.losses)
        case contract.Stepped():
            state.done, state.loss, state.validating = event.step, event.loss, False
            state.losses[event.step] = event.loss
        case contract.Saved():
            state.checkpoints[event.step] = Path(event.file)
            state.validating = state.expected > 0
        case contract.ValidationSaved():
            state.validation_images[event.step, event.template] = Path(event.file)
            return _preview(Path(event.file))
        case contract.Warned():
            state.warnings.append(told(event))
        case contract.Failed():
            state.failure = event
        case contract.Done():
            state.finished, state.validating = True, False
    return None


def training_note(event: contract.Loaded) -> Message:
    """On what and in which precision is trained, and why in this one."""
    reason = next((one for one in PRECISION_REASONS if one.endswith(f".{event.why}")), PRECISION_REASONS[0])
    why = from_json({"code": reason, "params": event.params})
    return message("trainer.note.training", device=event.device, precision=event.precision, why=why)


def _preview(file: Path) -> Image.Image | None:
    try:
        with Image.open(file) as opened:
            return opened.convert("RGB")
    except OSError:
        _log.warning("validation image %s cannot be shown", file, exc_info=True)
        return None


# ---------------------------------------------------------------- how it ended


def _settle(job: TrainerJob, state: _RunState, code: int, seconds: float) -> TrainingRun:
    """The run. Raises TrainingFailed or TrainingInterrupted when it ended early and that is not accepted."""
    log = job.folder / LOG_NAME
    if not (state.finished and code == 0):
        state.warnings.append(_early_end(job, state, code))
    checkpoints = (
        LoraCheckpoint(file, job.base.family, job.request.rank, step)
        for step, file in sorted(state.checkpoints.items())
    )
    validation_images = (
        ValidationImage(step, template, file) for (step, template), file in sorted(state.validation_images.items())
    )
    losses = tuple(sorted(state.losses.items()))
    return TrainingRun(tuple(checkpoints), tuple(validation_images), losses, seconds, log, tuple(state.warnings))


def _early_end(job: TrainerJob, state: _RunState, code: int) -> Message:
    """The warning of an early end that is accepted. Raises TrainingFailed or TrainingInterrupted for any other."""
    failure = _failure(state, code, job.folder / LOG_NAME)
    why, advice = failure.messages()
    last = max(state.checkpoints, default=0)
    if last and job.request.accept_early:
        return message("training.ended-early", step=last, total=state.total, why=why, advice=advice)
    if not (last or code in KILLED):
        raise failure
    raise TrainingInterrupted(
        "training.interrupted", exit_code=code, last_lines=failure.last_lines, log=failure.log,
        step=last, total=state.total, why=why, advice=advice,
    ) from failure  # fmt: skip


def told(event: contract.Warned | contract.Failed) -> Message:
    """What the trainer says, by its code; one this version has no text for as it stands."""
    return from_json({"code": f"trainer.{event.code}", "params": event.params, "text": event.message})


def _failure(state: _RunState, code: int, log: Path) -> TrainingFailed:
    lines = tuple(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:])
    end: dict[str, Any] = {"exit_code": code, "last_lines": lines, "log": str(log)}
    failed = state.failure
    if failed is None:
        cause = known_cause(code, "", lines)
        return TrainingFailed(
            "training.ended", **end, done=state.done, total=state.total, code=code, advice=message(cause)
        )
    by_system = known_cause(0, f"{failed.kind}: {failed.message}", ())  # also inside an error of a library
    cause = by_system if by_system != UNKNOWN else CAUSES.get(failed.kind) or known_cause(code, "", lines)
    return TrainingFailed(
        "training.failed",
        **end,
        step=failed.stage,
        code=code,
        kind=failed.kind,
        why=told(failed),
        advice=message(cause),
    )
