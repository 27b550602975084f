"""What the script is asked: from its fields on the page, or named in a request to the host's API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, TypeVar

from easyphoto.domain import KEEP
from easyphoto.errors import BadRequest
from easyphoto.locales import LANGUAGES
from easyphoto.strength import PRESETS, Strength
from easyphoto.webui.face_script.choices import MOST_PHOTOS, FaceOrder, label

Choice = TypeVar("Choice", bound=Enum)


@dataclass(frozen=True)
class FaceArguments:
    """One use of the script. Raises BadRequest for what cannot be."""

    enabled: bool = False
    persons: tuple[str, ...] = ()  # ids or names for the faces in `order`; KEEP leaves one
    strength: Strength = Strength.NATURAL
    order: FaceOrder = FaceOrder.LEFT
    denoising_strength: float | None = None  # 0..1 of the pass over the face; None: the preset's
    photos: tuple[str, ...] = field(default=(), repr=False)  # base64 or ids of uploads, in place of persons
    consent: bool = False  # whoever is on the photos has agreed

    def __post_init__(self) -> None:
        if len(self.photos) > MOST_PHOTOS:
            raise BadRequest("script.too-many-photos", stage="script", most=MOST_PHOTOS)
        if self.photos and not self.consent:
            raise BadRequest("quick.no-consent", stage="script")
        if self.denoising_strength is not None and not 0 <= self.denoising_strength <= 1:
            raise BadRequest("script.value", stage="script", name="denoising_strength", value=self.denoising_strength)

    @property
    def acts(self) -> bool:
        """Whether there is anybody to put in."""
        return self.enabled and bool(self.photos or any(self.persons))

    @property
    def changes(self) -> dict[str, Any]:
        """Of a PortraitRequest."""
        preset = dict(PRESETS[self.strength])
        if self.denoising_strength is not None and self.strength is not Strength.FUSION:
            preset["first_denoising_strength"] = self.denoising_strength
        return preset


def read_arguments(given: Sequence[Any]) -> FaceArguments:
    """From what the host hands to the script's callbacks. Raises BadRequest naming what is wrong.

    From the page: enabled, strength, order, denoising strength (0: the preset's), ids of uploads separated by blanks,
    consent, and a person per face. From the API: one object with names, which enables the script unless it says
    otherwise.
    """
    if given and isinstance(given[0], Mapping):
        return from_names({"enabled": True, **given[0]})
    if not given or not given[0]:
        return FaceArguments()
    _, strength, order, denoising, uploads, consent, *persons = given
    return from_names(
        {
            "enabled": True,
            "strength": strength,
            "order": order,
            "denoising_strength": denoising or None,
            "photos": str(uploads or "").split(),
            "consent": bool(consent),
            "persons": [person or KEEP for person in persons],
        }
    )


def from_names(given: Mapping[str, Any]) -> FaceArguments:
    """Raises BadRequest for an unknown name or a value of another kind."""
    known = {one.name for one in fields(FaceArguments)}
    for name in given:
        if name not in known:
            raise BadRequest("script.name", stage="script", name=str(name), known=sorted(known))
    values = dict(given)
    for name in ("persons", "photos"):
        if name in values:
            values[name] = _texts(name, values[name])
    for name, kind in (("strength", Strength), ("order", FaceOrder)):
        if name in values:
            values[name] = _choice(name, values[name], kind)
    for name, allowed in (("denoising_strength", (int, float, type(None))), ("enabled", bool), ("consent", bool)):
        if name in values and not isinstance(values[name], allowed):
            raise BadRequest("script.value", stage="script", name=name, value=str(values[name]))
    return FaceArguments(**values)


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Sequence) or not all(isinstance(one, str) for one in value):
        raise BadRequest("script.value", stage="script", name=name, value=str(value)[:80])
    return tuple(value)


def _choice(name: str, value: Any, kind: type[Choice]) -> Choice:
    """By its value, or by what it is called on the page in any language."""
    for one in kind:
        if value in (one.value, *(label(one, language) for language in LANGUAGES)):
            return one
    raise BadRequest("script.value", stage="script", name=name, value=str(value)[:80])
