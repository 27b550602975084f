"""Which templates are chosen and who gets which face: the portrait page's own small state, without any widget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from easyphoto.domain import KEEP, Box, Face

SHOTS = 12
"""Finished portraits shown at once; older ones on request."""


@dataclass(frozen=True)
class FaceBox:
    """Where a face is, as shares of the picture's width and height."""

    left: float
    top: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Share of the picture."""
        return self.width * self.height


def portrait_id(said: Mapping[str, Any]) -> str:
    """Of the portrait that a message is about: the names of files repeat from job to job."""
    return f"{said.get('job', '')}/{said.get('portrait', '')}"


@dataclass(frozen=True)
class GalleryView:
    """Which finished portraits are looked at."""

    person: str = ""  # id; "" for everybody
    template: str = ""  # file name; "" for all
    favorites: bool = False  # only those
    most: int = SHOTS  # at once
    asked: str = ""  # "JOB/NAME" of the portrait whose deletion is to be confirmed

    def after(self, said: Mapping[str, Any]) -> GalleryView:
        """After a filter, the button for older ones, or a question was answered."""
        do = said.get("do")
        if do == "older":
            return replace(self, most=self.most + SHOTS)
        if do == "ask":
            return replace(self, asked=portrait_id(said))
        if do == "favorites":
            return replace(self, favorites=not self.favorites, most=SHOTS)
        if do == "of-person":
            return replace(self, person=str(said.get("person", "")), most=SHOTS)
        if do == "of-template":
            return replace(self, template=str(said.get("template", "")), most=SHOTS)
        return replace(self, asked="")


@dataclass(frozen=True)
class Selection:
    """The choice so far. `assignments` holds, per template, the person of every face from left to right."""

    chosen: tuple[str, ...] = ()  # template ids in the order they were chosen
    shown: str = ""  # whose faces are on the preview
    person: str = ""  # who the largest face goes to unless told otherwise
    assignments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    view: GalleryView = field(default_factory=GalleryView)

    def toggled(self, template: str) -> Selection:
        """With that template chosen, or not any more."""
        if template in self.chosen:
            rest = tuple(t for t in self.chosen if t != template)
            shown = self.shown if self.shown in rest else (rest[-1] if rest else "")
            return replace(self, chosen=rest, shown=shown)
        return replace(self, chosen=(*self.chosen, template), shown=template)

    def without(self, template: str) -> Selection:
        """After the template was removed."""
        return self.toggled(template) if template in self.chosen else self

    def showing(self, template: str) -> Selection:
        """With that chosen template on the preview."""
        return replace(self, shown=template) if template in self.chosen else self

    def given(self, person: str) -> Selection:
        """With another person for the faces nobody was chosen for; choices made by hand are dropped."""
        return replace(self, person=person, assignments={})

    def assigned(self, template: str, face: int, person: str, face_boxes: Sequence[FaceBox]) -> Selection:
        """With that person in that face of the template."""
        now = list(self.persons_in(template, face_boxes))
        if not 0 <= face < len(now):
            return self
        now[face] = person
        return replace(self, assignments={**self.assignments, template: tuple(now)})

    def with_persons(self, template: str, persons: Sequence[str]) -> Selection:
        """With those persons in the template's faces from left to right."""
        return replace(self, assignments={**self.assignments, template: tuple(persons)})

    def persons_in(self, template: str, face_boxes: Sequence[FaceBox]) -> tuple[str, ...]:
        """Who is in which face, left to right; by default the person takes the largest face, the others stay."""
        held = self.assignments.get(template)
        if held is not None and len(held) == len(face_boxes):
            return held
        if not face_boxes:
            return ()
        largest = max(range(len(face_boxes)), key=lambda n: face_boxes[n].area)
        return tuple(self.person if n == largest else KEEP for n in range(len(face_boxes)))


def face_boxes_of(faces: Sequence[Face], size: tuple[int, int]) -> tuple[FaceBox, ...]:
    """The faces' places in a picture of `size` (width, height)."""
    return tuple(_spot(face.box.clipped(size), size) for face in faces)


def _spot(box: Box, size: tuple[int, int]) -> FaceBox:
    w, h = size
    return FaceBox(box.left / w, box.top / h, box.width / w, box.height / h)


def orders(
    selection: Selection, face_boxes: Mapping[str, Sequence[FaceBox]]
) -> list[tuple[tuple[str, ...], list[str]]]:
    """One order for every different assignment: (persons from left to right, templates).

    Templates nobody is in are left out.

    Templates whose faces could not be found are ordered with the person for the first face, so that
    the portrait itself can say what is wrong with them.
    """
    found: dict[tuple[str, ...], list[str]] = {}
    for template in selection.chosen:
        first = (selection.person,) if selection.person else ()
        persons = selection.persons_in(template, face_boxes.get(template, ())) or first
        if any(persons):
            found.setdefault(persons, []).append(template)
    return list(found.items())
