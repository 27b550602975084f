"""What happens to every picture that the host generates while the script is enabled."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from easyphoto.domain import Box
from easyphoto.engines.webui.engine import WebuiEngine
from easyphoto.engines.webui.host_queue import stopped
from easyphoto.errors import EasyPhotoError
from easyphoto.locales import Message
from easyphoto.portrait.infotext import person_hash
from easyphoto.printable import printable
from easyphoto.progress import Cancelled, Step
from easyphoto.studio import Studio
from easyphoto.system_errors import failure_of
from easyphoto.webui import settings
from easyphoto.webui.face_script.arguments import FaceArguments, from_names, read_arguments
from easyphoto.webui.face_script.axes import with_axes
from easyphoto.webui.face_script.choices import KEY, TITLE
from easyphoto.webui.face_script.faces import (
    GeneratedPicture,
    PictureWithFaces,
    find_person,
    put_faces,
    restored,
    shown_names,
)

_TAGS = re.compile(r"<[^<>]*:[^<>]*>")
_log = logging.getLogger(__name__)


def process(p: Any, given: Sequence[Any]) -> None:
    """Before the first picture: what is asked for goes into the text of all of them."""
    try:
        asked = with_axes(read_arguments(given), p)
        if asked.acts:
            p.extra_generation_params.update(infotext(asked, host_studio()))
    except EasyPhotoError as error:
        remark(p, *error.messages())


def after_picture(p: Any, pp: Any, given: Sequence[Any]) -> None:
    """One picture of a batch. What goes wrong is remarked: the host swallows exceptions and keeps the plain picture."""
    made, told = with_faces(lambda: with_axes(read_arguments(given), p), lambda: generated(p, pp.image))
    if made is None:
        if told:
            remark(p, *told)
        return
    pp.image = made.picture
    note_boxes(p, made.boxes)
    for note in told:
        remark(p, note)


def extras(pp: Any, given: Mapping[str, Any]) -> None:
    """The picture of Extras. What is to be said stands in the text of the picture."""
    from modules import shared

    persons = [str(value or "") for name, value in sorted(given.items()) if name.startswith("person_")]
    named = {"persons": persons, **{name: given[name] for name in ("strength", "order") if name in given}}
    seed = secrets.randbelow(2**32)
    checkpoint = str(shared.opts.sd_model_checkpoint or "")
    made, told = with_faces(
        lambda: from_names({"enabled": True, **named}), lambda: GeneratedPicture(pp.image, "", "", seed, checkpoint)
    )
    if made is not None:
        pp.image = made.picture
        pp.info |= {**infotext(from_names(named), host_studio()), f"{KEY} seed": seed}
    if told:
        pp.info[f"{KEY} note"] = " ".join(one.text(settings.language()) for one in told)


def with_faces(
    read: Callable[[], FaceArguments], picture: Callable[[], GeneratedPicture]
) -> tuple[PictureWithFaces | None, tuple[Message, ...]]:
    """The picture with the faces of those asked for, if anybody is and nothing goes wrong, and what is to be said."""
    from modules import shared
    from modules.paths_internal import data_path

    try:
        asked = read()
        if not asked.acts or stopped(shared.state):
            return None, ()
        with restored(Path(data_path) / "params.txt"):
            made = put_faces(picture(), asked, host_studio(), heed_buttons)
    except Cancelled:
        return None, ()
    except Exception as problem:  # as far as it can be told; else the host prints it
        failure = failure_of(problem, [], "script")
        if failure is None:
            raise
        return None, tuple(failure.messages())
    return made, made.notes


def note_boxes(p: Any, boxes: Sequence[Box]) -> None:
    """Which parts of the picture were changed goes into its text: left, top, right, bottom in pixels, a face each."""
    noted = p.extra_generation_params.setdefault(f"{KEY} boxes", [None] * len(p.all_prompts))
    noted[place(p)] = "; ".join(f"{box.left:.0f} {box.top:.0f} {box.right:.0f} {box.bottom:.0f}" for box in boxes)


def place(p: Any) -> int:
    """Of the picture that is at hand among those of the job."""
    return int(getattr(p, "iteration", 0) * p.batch_size + getattr(p, "batch_index", 0))


def heed_buttons(step: Step) -> None:
    """A Progress that ends the work when one of the host's buttons was pressed."""
    from modules import shared

    if stopped(shared.state):
        raise Cancelled


def generated(p: Any, picture: Any) -> GeneratedPicture:
    """Which of the job's pictures it is, with its prompt and seed."""
    from modules import shared

    index = place(p)
    return GeneratedPicture(
        picture,
        _TAGS.sub("", p.all_prompts[index]).strip(),
        _TAGS.sub("", p.all_negative_prompts[index]).strip(),
        int(p.all_seeds[index]) % 2**32,
        str(shared.opts.sd_model_checkpoint or ""),
    )


def infotext(asked: FaceArguments, studio: Studio) -> dict[str, Any]:
    """Settings for the picture's text; persons are hashes, as in the text of portraits."""
    people = [find_person(studio, person) for person in asked.persons]
    told: dict[str, Any] = {f"{KEY} strength": asked.strength.value, f"{KEY} order": asked.order.value}
    if asked.photos:
        told[f"{KEY} photos"] = len(asked.photos)
    else:
        told[f"{KEY} persons"] = " ".join(person_hash(person.id) if person else "-" for person in people)
    if asked.denoising_strength is not None:
        told[f"{KEY} denoising"] = asked.denoising_strength
    return told


def remark(p: Any, *messages: Message) -> None:
    """Below the picture in the host's page, and in the answer of its API."""
    text = f"{TITLE}: {' '.join(one.text(settings.language()) for one in messages)}"
    _log.info("%s", printable(text))
    if hasattr(p, "comment"):
        p.comment(text)


def host_studio() -> Studio:
    """The studio of this process with an engine that renders within the host's job."""
    from easyphoto.webui.runtime import app_state

    return _inside(app_state().studio)


@cache
def _inside(studio: Studio) -> Studio:
    return studio.with_engine(WebuiEngine(lambda: settings.read().vae, inside_job=True))


def pasted_persons(text: Mapping[str, Any], studio: Studio) -> list[str]:
    """The persons that a pasted text names by hash, a face each, as the fields name them; "" for those not here."""
    known = {person_hash(one): name for one, name in shown_names(studio.library.list()).items()}
    return [known.get(one, "") for one in str(text.get(f"{KEY} persons", "")).split()]
