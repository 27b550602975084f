"""Groups of model files as HTML: what is there, what is still to come, licenses, sizes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from easyphoto.jobs import Event
from easyphoto.locales import catalogue
from easyphoto.ui.components import bytes_in_words
from easyphoto.ui.i18n import Translator
from easyphoto.ui.rendering import render
from easyphoto.weights import FileState, Presence, WeightStore, selected
from easyphoto.weights.plan import for_commerce

KINDS = {
    Presence.READY: "good",
    Presence.UNCHECKED: "good",
    Presence.DAMAGED: "bad",
    Presence.MISSING: "quiet",
}


@dataclass(frozen=True)
class GroupCard:
    """One group with its files."""

    name: str
    states: tuple[FileState, ...]

    @property
    def missing(self) -> tuple[FileState, ...]:
        """Still to come."""
        return tuple(one for one in self.states if one.presence in (Presence.MISSING, Presence.DAMAGED))

    @property
    def bytes(self) -> int:
        """To come, as far as it is known."""
        return sum(one.file.bytes or 0 for one in self.missing)

    @property
    def inexact(self) -> bool:
        """Whether the size of one that is to come is not public."""
        return any(one.file.bytes is None for one in self.missing)

    def price(self, say: Translator) -> str:
        """What pressing its button brings, for the button."""
        if not self.bytes:
            return say("models.fetch.unknown")
        return say("models.fetch.least" if self.inexact else "models.fetch", size=bytes_in_words(self.bytes))

    @property
    def licenses(self) -> tuple[str, ...]:
        """Each once."""
        return tuple(dict.fromkeys(one.file.license for one in self.states))

    @property
    def commercial(self) -> bool:
        """Whether all of it may be used commercially."""
        return all(one.file.commercial for one in self.states)


def group_cards(store: WeightStore, safe: bool) -> tuple[GroupCard, ...]:
    """Every group but what ships; with `safe` its files for commercial use, and none for groups without any."""
    cards = []
    for name in store.catalog.groups:
        files = for_commerce(store.catalog, [name])[0] if safe else selected(store.catalog, [name])
        states = tuple(store.state(file) for file in files if not file.shipped)
        if states:
            cards.append(GroupCard(name, states))
    return tuple(cards)


def title_of(name: str, say: Translator) -> str:
    """Of a group; the id of a single file stands as it is."""
    return say(key) if f"page.{(key := f'models.group.{name}')}" in catalogue("en") else name


def groups_html(cards: Sequence[GroupCard], busy: Collection[str], box: str, say: Translator) -> Markup:
    """A section a group; `busy` are those that are being fetched."""
    return render("models", cards=cards, busy=busy, box=box, kinds=KINDS, size=bytes_in_words, say=say)


def speed_html(news: Sequence[Event], say: Translator) -> Markup:
    """Speed and time left of a download; empty while nothing is known."""
    figures = next((event.figures for event in reversed(news) if event.figures.get("speed")), None)
    if figures is None:
        return Markup("")
    left = say.duration(figures.get("left", 0.0))
    return Markup('<p class="ep-stage">{}</p>').format(say("models.speed", speed=figures["speed"], left=left))
