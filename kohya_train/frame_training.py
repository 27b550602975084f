"""Training of the inpainting model on upright frames: a LoRA on every layer, from photos with their landmarks.

It is short, so that a killed run begins anew: there is no resume file.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from builtin_model.inpaint.cache import FaceCache, FaceRecord, FoundFace, cut_canvas
from builtin_model.inpaint.frame import Pixels
from builtin_model.inpaint.lora import layers, lora_tensors
from builtin_model.inpaint.parts import FaceInpaintModel, load
from builtin_model.inpaint.person import PersonRecipe, train_person
from kohya_train.checkpoint import clear_results, prepare_folder
from kohya_train.contract import (
    STOP_FILE,
    Loaded,
    Saved,
    Stepped,
    TrainConfig,
    TrainerError,
    ValidationSaved,
    landmarks_file,
    read_landmarks,
    warned,
)
from kohya_train.examples import SUFFIXES, BadData, open_picture
from kohya_train.export import checkpoint_file, hashes, write_tensors
from kohya_train.frame_sample import painted_template
from kohya_train.metadata import metadata
from kohya_train.precision import Precision, accelerator_for, choose
from kohya_train.run import Report, stage
from kohya_train.sample import validation_file

CAPTION = "1person, portrait"
"""Of every photo; the model reads measured words only, which are found anew for each view."""


class _Stopped(Exception):
    """The stop file is there; the step is saved."""


@dataclass
class _Run:
    """What is told while it trains."""

    config: TrainConfig
    model: FaceInpaintModel
    photos: FaceCache
    precision: Precision
    report: Report
    started: float = field(default_factory=time.time)
    step_begun: float = field(default_factory=time.perf_counter)

    @property
    def folder(self) -> Path:
        """Where checkpoints and validation images go."""
        return Path(self.config.output_folder)

    def on_loss(self, done: int, total: int, loss: float) -> None:
        """Tell a step, save where it is time; ends the training where that is asked for."""
        now = time.perf_counter()
        rate = self.config.learning_rate * 0.5 * (1 + np.cos(np.pi * (done - 1) / total))
        self.report(Stepped(done, total, loss, float(rate), round(now - self.step_begun, 3)))
        stopped = (self.folder / STOP_FILE).exists()
        if stopped or done % self.config.save_steps == 0 or done == total:
            with stage("save"):
                self.save(done)
            self.paint(done)
        if stopped and done < total:
            raise _Stopped
        self.step_begun = time.perf_counter()

    def save(self, step: int) -> None:
        """The LoRA as a kohya file; a rank of convolutions is said as `conv_dim`."""
        file = checkpoint_file(self.folder, step)
        tensors = {name: tensor.half() for name, tensor in sorted(lora_tensors(self.model.unet).items())}
        told = replace(self.config, conv_dim=self.config.rank, conv_alpha=self.config.alpha, v_parameterization=True)
        count, precision = len(self.photos.records), {"fp32": "no"}.get(self.precision.name, self.precision.name)
        about = metadata(told, step, {CAPTION: count}, self.started, precision)
        write_tensors(file, tensors, {**about, **hashes(tensors)})
        self.report(Saved(step, str(file)))

    def paint(self, step: int) -> None:
        """Validation images; one that fails is a warning."""
        plan, training = self.config.validation_images, self.model.unet.training
        self.model.unet.eval()
        for number, template in enumerate(plan.templates):
            file = validation_file(self.folder, step, number)
            try:
                painted_template(self.model, plan, Path(template.picture), self.config.seed).save(file)
            except Exception as problem:  # a convenience: whatever breaks it must not cost the training
                why = f"{type(problem).__name__}: {problem}"
                self.report(warned(TrainerError("validation-failed", number=number, step=step, why=why)))
            else:
                self.report(ValidationSaved(step, number, str(file)))
        self.model.unet.train(training)


def train(config: TrainConfig, report: Report) -> None:
    """The whole run. Raises StageError, whose cause is the problem."""
    folder = prepare_folder(config)
    clear_results(folder)
    with stage("load"):
        precision = choose(config)
        device = accelerator_for(precision).device
        model = load(Path(config.base_model), device=device)
    names = [name for name, _ in layers(model.unet)]
    report(Loaded(0, len(names), device.type, precision.name, precision.why, precision.params))
    with stage("data"):
        photos = read_photos(Path(config.data_folder) / "photos")
    run = _Run(config, model, photos, precision, report)
    if config.validation_images.at_start:
        run.paint(0)
    with stage("train"):
        try:
            train_person(model, photos, recipe_of(config, precision), run.on_loss)
        except _Stopped:
            return


def recipe_of(config: TrainConfig, precision: Precision) -> PersonRecipe:
    """The configuration's figures; the rate falls by a cosine in any case."""
    return PersonRecipe(
        rank=config.rank,
        alpha=config.alpha,
        learning_rate=config.learning_rate,
        steps=config.steps,
        batch=config.batch_size * config.accumulation,
        seed=config.seed,
        autocast=precision.name != "fp32",
    )


def read_photos(folder: Path) -> FaceCache:
    """The photos that have landmarks, cut upright. Raises BadData where there are none."""
    files = sorted(file for file in folder.glob("*") if file.suffix in SUFFIXES and landmarks_file(file).is_file())
    if not files:
        raise BadData("no-pictures", folder=str(folder))
    cuts = [_cut(file) for file in files]
    records = [FaceRecord(f.name, "person", cut[2], 0.0, held_out=False) for f, cut in zip(files, cuts, strict=True)]
    return FaceCache(tuple(records), np.stack([cut[0] for cut in cuts]), np.stack([cut[1] for cut in cuts]))


def _cut(file: Path) -> tuple[Pixels, Any, float]:
    face = read_landmarks(file)
    return cut_canvas(np.asarray(open_picture(file)), FoundFace(face.mesh, face.points, ()))
