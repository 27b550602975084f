"""Whether a photo of the person fits a template: what is refused before anything is rendered, and what is noted."""

from __future__ import annotations

from collections.abc import Sequence

from easyphoto.errors import NoFace
from easyphoto.faces.base import FusionSource
from easyphoto.faces.fusion.expression import CLEAR_GAP, OPEN_MOUTH, borrows_mouth
from easyphoto.faces.fusion.source_selection import SourceChoice, photo_stats
from easyphoto.faces.wear import Wear
from easyphoto.locales import Message, message

FAR_POSE = 20.0
"""Degrees between source and template above which a note is made."""
TOO_FAR_POSE = 26.0
"""Degrees above which no source is used: the nose would be seen from two sides at once."""
_CRISP_WIDTH = 200.0  # pixels of a face
_CRISP = 12.0  # sharpness as in `PhotoStats`; of 100 selfies about six are under it
_CLOSED_EYES = 0.25  # lid gap in eye widths


def within_reach(choices: Sequence[SourceChoice]) -> list[SourceChoice]:
    """The choices whose pose is near enough. Raises NoFace where there is none, saying how far the nearest is."""
    within = [choice for choice in choices if choice.gap <= TOO_FAR_POSE]
    if not within:
        if not choices:
            raise NoFace("fusion.no-source", stage="fusion")
        raise NoFace("fusion.too-far", stage="fusion", degrees=min(choice.gap for choice in choices))
    return within


def notes_on(choice: SourceChoice) -> tuple[Message, ...]:
    """What does not fit between the template and the photo that was chosen."""
    notes = []
    if choice.gap > FAR_POSE:
        notes.append(message("fusion.note.turned", degrees=choice.gap))
    if choice.expression_gap > CLEAR_GAP or borrows_mouth(choice.expression, choice.wanted):
        notes.append(_mouth_note(choice))
    if choice.expression.eyes_open < _CLOSED_EYES <= choice.wanted.eyes_open:
        notes.append(message("fusion.note.closed-eyes"))
    return tuple(notes)


def soft_note(photo: FusionSource) -> tuple[Message, ...]:
    """That the photo, as the person gave it, is too small or too soft for a crisp portrait."""
    width = photo.face.box.width
    if width < _CRISP_WIDTH:
        return (message("fusion.note.small-photo", pixels=width),)
    if photo_stats(photo.picture, photo.face).sharpness < _CRISP:
        return (message("fusion.note.soft-photo"),)
    return ()


def _mouth_note(choice: SourceChoice) -> Message:
    if borrows_mouth(choice.expression, choice.wanted):
        return message("fusion.note.teeth-of-template")
    if choice.expression.mouth_open > OPEN_MOUTH > choice.wanted.mouth_open:
        return message("fusion.note.person-laughs")
    return message("fusion.note.other-expression")


def notes_on_wear(own: Wear, template: Wear) -> tuple[Message, ...]:
    """Sentences on the template's glasses and beard, where the person is without or has others."""
    notes = []
    if template.glasses.dark:
        notes.append(message("fusion.note.dark-glasses"))
    elif template.glasses.worn and own.glasses.worn:
        notes.append(message("fusion.note.both-glasses"))
    if template.bearded and not own.bearded:
        notes.append(message("fusion.note.beard"))
    return tuple(notes)
