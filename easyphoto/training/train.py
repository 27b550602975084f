"""From photos to a person in the library."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from easyphoto.domain import Checkpoint, LoraCheckpoint, Person, Photo, PhotoReport, TrainRequest
from easyphoto.engines.base import Engine
from easyphoto.errors import AlreadyThere, BadModel, BadRequest
from easyphoto.faces.base import FaceToolbox, Recognizer
from easyphoto.library import Library, PersonDraft, slug
from easyphoto.locales import Message, message
from easyphoto.paths import Paths
from easyphoto.progress import Clock, Progress, Step
from easyphoto.stages import Stage
from easyphoto.tensor_file import read_header
from easyphoto.training.continuation import continued, finished_person, with_lora_before
from easyphoto.training.interpreter import Interpreter, TrainerPython, own_python
from easyphoto.training.landmarks import add_landmarks
from easyphoto.training.launch import TrainerJob, TrainingRun, launch
from easyphoto.training.plateau import PlateauStop
from easyphoto.training.prepare import prepare
from easyphoto.training.select import CheckpointChoice, select, with_distance
from easyphoto.training.validation_templates import validation_templates
from easyphoto.training.working_folder import working_folder

FIRST_LAYER, LATENT_CHANNELS = "model.diffusion_model.input_blocks.0.0.weight", 4


@dataclass(frozen=True)
class TrainingContext:
    """What a training needs besides its request."""

    paths: Paths
    engine: Engine
    faces: FaceToolbox
    library: Library
    trainer: TrainerPython = own_python
    notes: tuple[Message, ...] = ()  # on the tools; the result carries them


@dataclass(frozen=True)
class TrainingResult:
    """A person and how it came to be."""

    person: Person
    reports: tuple[PhotoReport, ...]
    losses: tuple[tuple[int, float], ...]  # (step, loss)
    distance_by_step: dict[int, float]
    votes: dict[int, float]
    seconds: dict[str, float]
    warnings: tuple[Message, ...] = ()
    notes: tuple[Message, ...] = ()  # what was not done, and why
    recognizer: Recognizer | None = None  # whose distances they are; None where none was measured


def train(request: TrainRequest, photos: Sequence[Photo], context: TrainingContext, report: Progress) -> TrainingResult:
    """Check and prepare the photos, train, choose, and put the person into the library.

    Raises BadRequest, AlreadyThere, Busy, NoFace, MissingModel, BadModel, MissingPackage, TrainingFailed,
    TrainingInterrupted;
    an interrupted training of the same photos and request goes on from its last checkpoint. Where no LoRA is asked
    for, the photos are checked, prepared and chosen, and nothing else.
    """
    base = preflight(request, context)
    person = finished_person(request, base, context.library)
    request, photos = continued(request, photos, person)
    with working_folder(request, photos, context.paths) as (folder, resume):
        if not request.train_lora:
            return _without_lora(request, photos, folder, context, report)
        lora = None if person is None else person.lora
        run = _Training(request, base, folder, resume, context.trainer(report), lora)
        return _train(run, photos, context, report)


@dataclass(frozen=True)
class _Training:
    """A training that has a working folder."""

    request: TrainRequest
    base: Checkpoint
    folder: Path
    resume: bool
    interpreter: Interpreter
    lora: LoraCheckpoint | None  # to go on from


def _train(training: _Training, photos: Sequence[Photo], context: TrainingContext, report: Progress) -> TrainingResult:
    request, folder, faces, clock = training.request, training.folder, context.faces, Clock()
    with clock.time(Stage.PREPARE_PHOTOS):
        training_set = prepare(photos, request, faces, folder / "set", report)
        templates = (
            validation_templates(context.paths, faces, folder / "validation_images", _side(training))
            if request.validation
            else ()
        )
    if training.base.family.spec.landmarks:
        there = add_landmarks((*training_set.crops, *(one.picture for one in templates)), faces)
        templates = tuple(one for one in templates if one.picture in there)
    job = TrainerJob(
        training_set,
        request,
        training.base,
        folder / "run",
        templates,
        resume=training.resume,
        machine=context.paths.machine,
        interpreter=training.interpreter,
        lora=None if training.lora is None else training.lora.file,
    )
    stop = PlateauStop(job.folder, len(templates))
    with clock.time(Stage.TRAIN), context.engine.offloaded(report) as shown:
        heard = stop.listening(shown) if request.stop_on_plateau else shown
        run = with_lora_before(launch(job, with_distance(heard, training_set.embeddings, faces)), training.lora)
    report(Step(Stage.CHOOSE, 0, 1))
    with clock.time(Stage.CHOOSE):
        chosen = select(run, training_set, faces, folder / "person.safetensors", request.merge)
    warnings = (*training_set.warnings, *run.warnings, *chosen.warnings)
    notes = context.notes if stop.stopped is None else (*context.notes, stop.stopped)
    facts = {
        **_facts(job, run, chosen),
        "recognizer": asdict(faces.recognizer),
        "seconds": clock.seconds,
        "warnings": [one.as_json() for one in warnings],
        "notes": [note.as_json() for note in notes],
    }
    person = context.library.create(_draft(job, run, chosen, facts, faces.recognizer.name))
    shutil.rmtree(folder)
    return TrainingResult(
        person=person,
        reports=training_set.reports,
        losses=run.losses,
        distance_by_step=chosen.distance_by_step,
        votes=chosen.votes,
        seconds=clock.seconds,
        warnings=warnings,
        notes=notes,
        recognizer=faces.recognizer,
    )


def _side(training: _Training) -> int:
    """Shorter side of the validation images, in pixels."""
    return training.request.resolution * training.base.family.spec.validation.template_scale


def _without_lora(
    request: TrainRequest, photos: Sequence[Photo], folder: Path, context: TrainingContext, report: Progress
) -> TrainingResult:
    """A person of prepared photos alone; the notes say that no LoRA was trained."""
    clock, notes = Clock(), (message("training.no-lora"), *context.notes)
    with clock.time(Stage.PREPARE_PHOTOS):
        training_set = prepare(photos, request, context.faces, folder / "set", report)
    facts = {
        "settings": asdict(request),
        "photos": [_report(one) for one in training_set.reports],
        "seconds": clock.seconds,
        "warnings": [one.as_json() for one in training_set.warnings],
        "notes": [note.as_json() for note in notes],
    }
    draft = PersonDraft(
        name=request.person,
        training_set=training_set,
        lora=None,
        report=facts,
        base_model=request.base_model,
        recognizer=context.faces.recognizer.name,
    )
    person = context.library.create(draft)
    shutil.rmtree(folder)
    return TrainingResult(person, training_set.reports, (), {}, {}, clock.seconds, training_set.warnings, notes)


def _facts(job: TrainerJob, run: TrainingRun, chosen: CheckpointChoice) -> dict[str, Any]:
    """The training report that stays with the person; JSON."""
    return {
        "settings": asdict(job.request),
        "photos": [_report(r) for r in job.training_set.reports],
        "losses": run.losses,
        "distance_by_step": chosen.distance_by_step,
        "votes": chosen.votes,
    }


def _report(photo: PhotoReport) -> dict[str, Any]:
    return {**asdict(photo), "reasons": [reason.as_json() for reason in photo.reasons]}


def _draft(
    job: TrainerJob, run: TrainingRun, chosen: CheckpointChoice, report: dict[str, Any], recognizer: str
) -> PersonDraft:
    return PersonDraft(
        name=job.request.person,
        training_set=job.training_set,
        lora=chosen.lora,
        face_id=chosen.face_id,
        report=report,
        warnings=(*run.warnings, *chosen.warnings),
        base_model=job.base.name,
        recognizer=recognizer,
        checkpoints=run.checkpoints if job.request.keep_checkpoints else (),
    )


def preflight(request: TrainRequest, context: TrainingContext) -> Checkpoint:
    """The base model, after everything that can be refused before the long run has been refused."""
    person = slug(request.person)
    if not request.consent:
        raise BadRequest("training.no-consent", stage="preflight")
    if any(p.id == person for p in context.library.list()):
        raise AlreadyThere("training.name-taken", stage="preflight", name=request.person)
    base = context.engine.checkpoint(request.base_model)
    if not request.train_lora:
        if base.family.spec.lora_required:
            raise BadRequest("training.lora-needed", stage="preflight", name=base.name)
        return base
    if base.file is None:
        raise BadRequest("training.no-openable-file", stage="preflight", name=base.name)
    if base.file.is_file():
        _check_single_file(base.file)
    return base


def _check_single_file(file: Path) -> None:
    """Raises BadModel for what no training can begin with; the trainer itself looks closer."""
    if file.suffix.lower() != ".safetensors":
        raise BadModel("training.pickle-checkpoint", stage="preflight", file=str(file))
    if read_header(file).shapes.get(FIRST_LAYER, (0, LATENT_CHANNELS))[1] != LATENT_CHANNELS:
        raise BadModel("training.inpainting-checkpoint", stage="preflight", file=str(file))
