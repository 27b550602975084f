"""Putting a training into the queue: what is refused at once, and a second press of Start that changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

from easyphoto.domain import TrainRequest
from easyphoto.errors import BadRequest
from easyphoto.jobs import Kind, State
from easyphoto.locales import Message
from easyphoto.ui.context import UiContext
from easyphoto.ui.photos_view import Draft, as_files, present
from easyphoto.ui.quick_view import QuickDraft

TRAINABLE = (State.QUEUED, State.RUNNING)
CONTINUED = ("person", "base_model", "train_lora", "continue_from")
"""Fields of a training that goes on from a finished person's LoRA."""

_STARTING = threading.Lock()  # two presses of Start, or two pages, look at the queue one after the other


def start_training(context: UiContext, request: TrainRequest, draft: Draft) -> None:
    """Into the queue, unless this very training is there already. Raises BadRequest naming all that is missing."""
    with _STARTING:
        if not _is_waiting(context, request, draft):
            _refuse_early(context, request, draft)
            context.jobs.submit(Kind.TRAIN, request, as_files(draft))


def photos_asked_for(context: UiContext, asked: Mapping[str, Any], quick: QuickDraft) -> list[tuple[str, Path]]:
    """Name and file of the photos another page asks to train with: a person's kept ones, or the quick portraits'.

    Raises NotFound for a person who is not there any more.
    """
    if person := str(asked.get("person") or ""):
        return [(file.name, file) for file in context.studio.library.open(person).photos]
    return [(photo.name, photo.file) for photo in present(quick.photos)]


def continued_fields(context: UiContext, asked: Mapping[str, Any]) -> Sequence[Any]:
    """Values of the fields CONTINUED where another page asks to go on from a person's LoRA; None: left as it is."""
    there = {one.id: one for one in context.people()}
    found = there.get(str(asked.get("person"))) if asked.get("tab") == "train" and asked.get("continue") else None
    if found is None or found.lora is None:
        return [None] * len(CONTINUED)
    taken = {one.name.casefold() for one in there.values()}
    name = next(name for n in count(2) if (name := f"{found.name} {n}").casefold() not in taken)
    base = found.base_model if found.base_model in context.models() else None
    return [name, base, True, found.name]


def _is_waiting(context: UiContext, request: TrainRequest, draft: Draft) -> bool:
    asked, names = asdict(request), tuple(photo.name for photo in draft)
    return any(job.request == asked and job.files == names for job in context.jobs.list(Kind.TRAIN, TRAINABLE))


def _refuse_early(context: UiContext, request: TrainRequest, draft: Draft) -> None:
    """What the training itself would refuse, said before it waits in the queue."""
    taken = [person.name.casefold() for person in context.people()]
    waiting = [str(job.request.get("person")).casefold() for job in context.jobs.list(Kind.TRAIN, TRAINABLE)]
    rules = (
        (not request.continue_from and not any(photo.verdict != "drop" for photo in draft), "train.needs.photos"),
        (not request.person, "train.needs.name"),
        (request.person.casefold() in taken, "train.needs.other_name"),
        (request.person.casefold() in waiting, "train.needs.waiting"),
        (not request.consent, "train.needs.consent"),
        (not request.base_model, "needs.model"),
    )
    if missing := [Message(f"page.{key}") for broken, key in rules if broken]:
        raise BadRequest("form.incomplete", missing=missing)
