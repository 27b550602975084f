"""Saving a step, its validation images, and taking up a killed run where its last checkpoint stands."""

from __future__ import annotations

import gc
import logging
from collections import Counter
from pathlib import Path

import torch

from kohya_train.contract import STOP_FILE, Resumed, Saved, TrainConfig, TrainerError, ValidationSaved, warned
from kohya_train.export import checkpoint_file, write_lora
from kohya_train.metadata import metadata
from kohya_train.resume import Losses, NoResume, load_state, resume_file, save_state
from kohya_train.run import TrainerRun
from kohya_train.sample import validation_file, validation_image

_log = logging.getLogger(__name__)


def prepare_folder(config: TrainConfig) -> Path:
    """The output folder, made, without the stop file of an earlier run."""
    folder = Path(config.output_folder)
    (folder / "validation_images").mkdir(parents=True, exist_ok=True)
    (folder / STOP_FILE).unlink(missing_ok=True)
    return folder


def begin(run: TrainerRun) -> Losses:
    """Losses of the steps that are done already: those of the resume file, or none after clearing old results."""
    losses = _resume(run)
    if not losses and run.config.validation_images.at_start:
        save_validation_images(run, 0)
    return losses


def stop_asked(run: TrainerRun) -> bool:
    """Whether somebody has put the stop file there; all processes answer alike."""
    asked = (run.folder / STOP_FILE).exists()
    if run.accelerator.num_processes == 1:
        return asked
    told = torch.tensor(float(asked), device=run.accelerator.device)
    return float(run.accelerator.reduce(told, "sum")) > 0


class FolderNotShared(TrainerError):
    """Processes on several machines see different output folders."""


def _has_state(run: TrainerRun) -> bool:
    """Whether there is a state to go on from. Raises FolderNotShared where the processes do not all say the same."""
    here = run.config.resume and resume_file(run.folder).is_file()
    seen = float(run.accelerator.reduce(torch.tensor(float(here), device=run.accelerator.device), "mean"))
    if seen not in (0.0, 1.0):
        raise FolderNotShared("folder-not-shared", folder=str(run.folder))
    return here


def _resume(run: TrainerRun) -> Losses:
    if not _has_state(run):
        _clear(run)
        return []
    try:
        losses = load_state(run)
    except NoResume as problem:
        run.report(warned(problem))
        _clear(run)
        return []
    run.report(Resumed(losses[-1][0], tuple(losses)))
    if run.config.validation_images.at_start:
        save_validation_images(run, 0, repaint=False)
    for step, _ in losses:
        if (file := checkpoint_file(run.folder, step)).is_file():
            run.report(Saved(step, str(file)))
            save_validation_images(run, step, repaint=step == losses[-1][0])
    return losses


def _clear(run: TrainerRun) -> None:
    """Remove what an earlier run left, so that it cannot vote in this one's place."""
    run.accelerator.wait_for_everyone()
    if run.accelerator.is_main_process:
        clear_results(run.folder)


def clear_results(folder: Path) -> None:
    """Remove checkpoints, validation images and the resume file of an output folder."""
    resume_file(folder).unlink(missing_ok=True)
    for old in [*folder.glob("checkpoint-*.safetensors"), *folder.glob("validation_images/step-*-template-*.png")]:
        old.unlink()


def save(run: TrainerRun, losses: Losses) -> None:
    """The LoRA file and the resume file of the last step in `losses`."""
    run.accelerator.wait_for_everyone()
    if not run.accelerator.is_main_process:
        return
    step = losses[-1][0]
    file = checkpoint_file(run.folder, step)
    captions = Counter(example.caption for example in run.examples)
    told = metadata(run.config, step, captions, run.started, str(run.accelerator.mixed_precision))
    with run.published():
        write_lora(file, run.network, told)
    save_state(run, losses)
    run.report(Saved(step, str(file)))


def save_validation_images(run: TrainerRun, step: int, repaint: bool = True) -> None:
    """Validation images of a checkpoint; one that fails is a warning. Existing ones are only reported.

    With `repaint` off (an older checkpoint of a resumed run, whose weights are not loaded) missing ones stay missing.
    """
    if run.accelerator.is_main_process:
        for number in range(len(run.config.validation_images.templates)):
            file = validation_file(run.folder, step, number)
            try:
                if repaint and not file.is_file():
                    _paint(run, step, number)
            except (
                Exception
            ) as problem:  # a validation image is a convenience: whatever breaks it must not cost the training
                _log.exception("validation image %d of step %d", number, step)
                why = f"{type(problem).__name__}: {problem}"
                run.report(warned(TrainerError("validation-failed", number=number, step=step, why=why)))
            if file.is_file():
                run.report(ValidationSaved(step, number, str(file)))
        if run.accelerator.device.type == "cuda":
            gc.collect()
            torch.cuda.empty_cache()
    run.accelerator.wait_for_everyone()


def _paint(run: TrainerRun, step: int, number: int) -> None:
    plan, config = run.config.validation_images, run.config
    file = validation_file(run.folder, step, number)
    with run.published(), run.accelerator.autocast():
        painted = validation_image(run.bundle, plan, plan.templates[number], config.resolution, config.seed)
    part = file.with_suffix(".part.png")
    painted.save(part)
    part.replace(file)
