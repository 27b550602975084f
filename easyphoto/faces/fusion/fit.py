"""Whether a photo of the person fits a template: what is refused before anything is rendered, and what is noted."""

from __future__ import annotations

from collections.abc import Sequence

from easyphoto.errors import NoFace
from easyphoto.faces.fusion.expression import CLEAR_GAP, OPEN_MOUTH, borrows_mouth
from easyphoto.faces.fusion.source_selection import SourceChoice

FAR_POSE = 20.0
"""Degrees between source and template above which a note is made."""
TOO_FAR_POSE = 26.0
"""Degrees above which no source is used: the nose would be seen from two sides at once."""
_CLOSED_EYES = 0.25  # lid gap in eye widths


def within_reach(choices: Sequence[SourceChoice]) -> list[SourceChoice]:
    """The choices whose pose is near enough. Raises NoFace where there is none, saying how far the nearest is."""
    within = [choice for choice in choices if choice.gap <= TOO_FAR_POSE]
    if not within:
        gaps = [choice.gap for choice in choices]
        nearest = f" The nearest is {min(gaps):.0f} degrees away." if gaps else ""
        raise NoFace(
            f"No photo of the person can be turned into the template's pose.{nearest}",
            stage="fusion",
            remedy="Add a photo that looks the same way, or use a template that faces the camera.",
        )
    return within


def notes_on(choice: SourceChoice) -> tuple[str, ...]:
    """Sentences on what does not fit between the template and the photo that was chosen."""
    notes = []
    if choice.gap > FAR_POSE:
        notes.append(
            f"The nearest photo of the person is turned {choice.gap:.0f} degrees away from the template's face."
        )
    if choice.expression_gap > CLEAR_GAP or borrows_mouth(choice.expression, choice.wanted):
        notes.append(_mouth_note(choice))
    if choice.expression.eyes_open < _CLOSED_EYES <= choice.wanted.eyes_open:
        notes.append("The person's eyes are nearly closed in the photo that fits best; add one with open eyes.")
    return tuple(notes)


def _mouth_note(choice: SourceChoice) -> str:
    if borrows_mouth(choice.expression, choice.wanted):
        return (
            "The teeth are the template's, as the person does not laugh in the photo that fits best; add one that does."
        )
    if choice.expression.mouth_open > OPEN_MOUTH > choice.wanted.mouth_open:
        return "The person laughs in the photo that fits best, the template does not; add a photo with a closed mouth."
    return "No photo of the person has the template's expression; the nearest one was taken."
