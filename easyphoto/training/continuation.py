"""A training that goes on from a finished person: its LoRA and its prepared photos, with more steps or more photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from easyphoto.domain import Checkpoint, LoraCheckpoint, Person, Photo, TrainRequest
from easyphoto.errors import BadRequest
from easyphoto.library import Library
from easyphoto.lora import inspect
from easyphoto.training.launch import TrainingRun


def finished_person(request: TrainRequest, base: Checkpoint, library: Library) -> Person | None:
    """Whom the request continues, None for nobody. Raises BadRequest for one whose LoRA cannot be gone on from."""
    wanted = request.continue_from
    if not wanted:
        return None
    there = library.list()
    found = next((one for one in there if wanted in (one.id, one.name)), None)
    if found is None or found.lora is None or not request.train_lora:
        names = [one.name for one in there if one.lora is not None]
        raise BadRequest("training.nobody-to-continue", stage="preflight", name=wanted, there=names)
    if base.family.spec.landmarks:  # its own training begins with the base model only
        raise BadRequest("training.cannot-continue", stage="preflight", base=base.name)
    family = base.family
    same_family = found.lora.family is family
    if not same_family:
        raise BadRequest("training.other-family-to-continue", stage="preflight", name=found.name, base=base.name)
    return found


def continued(
    request: TrainRequest, photos: Sequence[Photo], person: Person | None
) -> tuple[TrainRequest, tuple[Photo, ...]]:
    """The request at the rank of the person's LoRA, and the photos with those that the person was trained with.

    A smaller alpha than the LoRA's changes how fast is learned, not where the training begins.
    """
    if person is None or person.lora is None:
        return request, tuple(photos)
    rank = inspect(person.lora.file).rank
    before = tuple(Photo(file, f"{person.name} {file.name}") for file in person.photos)
    return replace(request, rank=rank, alpha=min(request.alpha, rank)), (*photos, *before)


def with_lora_before(run: TrainingRun, lora: LoraCheckpoint | None) -> TrainingRun:
    """The run with the LoRA it went on from as step 0, so that the vote can keep it: step 0's images are its own."""
    return run if lora is None else replace(run, checkpoints=(replace(lora, step=0), *run.checkpoints))
