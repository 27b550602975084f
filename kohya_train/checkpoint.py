"""Saving a step, its validation images, and taking up a killed run where its last checkpoint stands."""

from __future__ import annotations

import gc
import logging
from collections import Counter
from dataclasses import replace

import torch

from kohya_train.contract import Resumed, Saved, TrainerError, ValidationSaved, warned
from kohya_train.export import checkpoint_file, metadata, write_lora
from kohya_train.resume import Losses, NoResume, load_state, resume_file, save_state
from kohya_train.run import TrainerRun
from kohya_train.sample import validation_file, validation_image

_log = logging.getLogger(__name__)


def resume_run(run: TrainerRun) -> Losses:
    """Losses of the steps that are done already: those of the resume file, or none after clearing old results."""
    if not (run.config.resume and resume_file(run.folder).is_file()):
        _clear(run)
        return []
    try:
        losses = load_state(run.config, run.network, run.optimizer.optimizer)
    except NoResume as problem:
        run.report(warned(problem))
        _clear(run)
        return []
    run.report(Resumed(losses[-1][0], tuple(losses)))
    for step, _ in losses:
        if (file := checkpoint_file(run.folder, step)).is_file():
            run.report(Saved(step, str(file)))
            save_validation_images(run, step, repaint=step == losses[-1][0])
    return losses


def _clear(run: TrainerRun) -> None:
    """Remove what an earlier run left, so that it cannot vote in this one's place."""
    run.accelerator.wait_for_everyone()
    if not run.accelerator.is_main_process:
        return
    resume_file(run.folder).unlink(missing_ok=True)
    for old in [
        *run.folder.glob("checkpoint-*.safetensors"),
        *run.folder.glob("validation_images/step-*-template-*.png"),
    ]:
        old.unlink()


def save(run: TrainerRun, losses: Losses) -> None:
    """The LoRA file and the resume file of the last step in `losses`."""
    run.accelerator.wait_for_everyone()
    if not run.accelerator.is_main_process:
        return
    step = losses[-1][0]
    file = checkpoint_file(run.folder, step)
    captions = Counter(example.caption for example in run.examples)
    used = replace(run.config, precision=str(run.accelerator.mixed_precision))
    write_lora(file, run.network, metadata(used, step, captions, run.started))
    save_state(run.config, run.network, run.optimizer.optimizer, losses)
    run.report(Saved(step, str(file)))


def save_validation_images(run: TrainerRun, step: int, repaint: bool = True) -> None:
    """Validation images of a checkpoint; one that fails is a warning. Existing ones are only reported.

    With `repaint` off (an older checkpoint of a resumed run, whose weights are not loaded) missing ones stay missing.
    """
    if run.accelerator.is_main_process:
        for number, template in enumerate(run.config.validation_images.templates):
            file = validation_file(run.folder, step, number)
            try:
                if repaint and not file.is_file():
                    with run.accelerator.autocast():
                        painted = validation_image(
                            run.bundle, run.config.validation_images, template, run.config.resolution, run.config.seed
                        )
                    part = file.with_suffix(".part.png")
                    painted.save(part)
                    part.replace(file)
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
