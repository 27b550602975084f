"""Quick portraits as the user sees them: photos, what is to be said of them, and what a training would bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from markupsafe import Markup

from easyphoto.domain import Checkpoint, TrainRequest
from easyphoto.jobs import Job, JobFile, PictureRole
from easyphoto.library.uploads import StoredUpload
from easyphoto.ui.i18n import Translator
from easyphoto.ui.photos_view import KINDS, Draft, DraftPhoto, added, present
from easyphoto.ui.pictures import PictureCache
from easyphoto.ui.portrait_view import TemplateTile
from easyphoto.ui.rendering import render
from easyphoto.ui.selection import Selection

BOX = "ep-quick-box"
JOB_BOX = "ep-quick-job-box"


@dataclass(frozen=True)
class QuickDraft:
    """What is chosen so far."""

    photos: Draft = ()
    selection: Selection = field(default_factory=Selection)
    sample: bool = False  # the photo is the one that ships, whose use needs nobody's consent

    def with_photos(self, brought: Sequence[StoredUpload]) -> QuickDraft:
        """With more photos; the sample gives way."""
        return replace(self, photos=added(() if self.sample else self.photos, brought), sample=False)

    def without_photo(self, number: int) -> QuickDraft:
        """Without the photo of that number."""
        left = tuple(photo for n, photo in enumerate(self.photos) if n != number)
        return replace(self, photos=left, sample=self.sample and bool(left))

    def with_sample(self, photo: DraftPhoto, templates: Sequence[str]) -> QuickDraft:
        """With the sample photo alone; its templates are chosen where none is yet."""
        chosen = self.selection
        for template in () if chosen.chosen else templates:
            chosen = chosen.toggled(template)
        return replace(self, photos=(photo,), selection=chosen, sample=True)

    def checked(self, templates: Sequence[TemplateTile]) -> QuickDraft:
        """Without photos and templates that have gone."""
        there = {card.id for card in templates}
        chosen = self.selection
        for template in chosen.chosen:
            chosen = chosen if template in there else chosen.without(template)
        photos = present(self.photos)
        return replace(self, photos=photos, selection=chosen, sample=self.sample and bool(photos))

    def files(self, templates: Sequence[TemplateTile]) -> list[JobFile]:
        """For the queue, the templates in the order in which they were chosen."""
        cards = {card.id: card.file for card in templates}
        chosen = [cards[one] for one in self.selection.chosen]
        return [
            *(JobFile(photo.file, photo.name, role=PictureRole.PHOTO) for photo in self.photos),
            *(JobFile(file, file.name, role=PictureRole.TEMPLATE) for file in chosen),
        ]


def photos_html(draft: QuickDraft, sample: bool, pictures: PictureCache, say: Translator) -> Markup:
    """The photos, each with a way to remove it; while there are none, the offer of the sample where it is there."""
    return render("quick_photos", draft=draft, sample=sample, pictures=pictures, say=say, box=BOX)


def told_html(job: Job | None, say: Translator) -> Markup:
    """What is to be said of the newest job's photos: of the set, and of each that was doubted or left out."""
    result: Mapping[str, Any] = (job.result if job else None) or {}
    doubted = [one for one in result.get("reports", ()) if one.get("reasons")]
    return render("quick_told", warnings=result.get("warnings", ()), doubted=doubted, kinds=KINDS, say=say)


def next_html(base: Checkpoint, say: Translator) -> Markup:
    """What a training with that base model brings; no likeness is promised where it adds none."""
    trains_lora = TrainRequest.for_family(base.family).train_lora
    return render("quick_next", base=base.name, trains_lora=trains_lora, say=say)
