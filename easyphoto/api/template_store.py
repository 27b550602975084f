"""Templates under ids that say nothing of their place."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from easyphoto.api.errors import NotAllowed
from easyphoto.domain import Template
from easyphoto.errors import NotFound
from easyphoto.library import Templates
from easyphoto.paths import Paths


@dataclass(frozen=True)
class TemplateView:
    """One of them."""

    id: str
    template: Template
    own: bool  # the user's; the others ship with the program


class TemplateStore:
    """What lies in the two folders right now."""

    def __init__(self, paths: Paths) -> None:
        self._templates = Templates(paths)
        self._own = paths.templates

    def cards(self) -> list[TemplateView]:
        """Shipped ones first, then the user's; each sorted by name."""
        return [self._card(template) for template in self._templates.list()]

    def open(self, identifier: str) -> TemplateView:
        """Raises NotFound."""
        for card in self.cards():
            if card.id == identifier:
                return card
        raise NotFound("template.unknown", stage="templates")

    def add(self, file: Path, name: str) -> TemplateView:
        """One more of the user's own. Raises BadPicture, BadName."""
        return self._card(self._templates.add(file, name))

    def remove(self, identifier: str) -> None:
        """Raises NotFound; NotAllowed for one that ships with the program."""
        card = self.open(identifier)
        if not card.own:
            raise NotAllowed("template.shipped", stage="templates", file=card.template.name)
        self._templates.remove(card.template.name)

    def _card(self, template: Template) -> TemplateView:
        own = template.file.is_relative_to(self._own)
        mark = f"{'own' if own else 'shipped'}/{template.file.name}"
        return TemplateView(hashlib.sha256(mark.encode()).hexdigest()[:24], template, own)
