"""Several templates in one go: a bad one is reported and the rest goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from easyphoto.domain import Portrait, PortraitRequest, Template
from easyphoto.errors import EasyPhotoError
from easyphoto.images import save_picture
from easyphoto.library import Library
from easyphoto.paths import free_name
from easyphoto.portrait.generate import Tools, generate, order_of
from easyphoto.portrait.subject import open_subject
from easyphoto.progress import Progress, Step


@dataclass(frozen=True)
class PortraitBatch:
    """What came out, and what could not be made."""

    portraits: tuple[Portrait, ...]
    failures: tuple[EasyPhotoError, ...]


def generate_batch(
    request: PortraitRequest, templates: Sequence[Template], tools: Tools, shop: tuple[Library, Path], report: Progress
) -> PortraitBatch:
    """A portrait for every template, saved as it is finished into the folder of `shop`.

    Raises NotFound or NoFace for a person that cannot be opened; a bad template only fails itself.
    """
    library, out = shop
    people = {name: open_subject(library.open(name), tools.faces) for name in order_of(request.persons)}
    portraits: list[Portrait] = []
    failures: list[EasyPhotoError] = []
    with tools.engine.session():
        for number, template in enumerate(templates):
            report(Step("portrait", number, len(templates), template.name))
            try:
                portraits.append(_kept(generate(request, template, people, tools, report), out))
            except EasyPhotoError as problem:
                problem.file = problem.file or template.name
                failures.append(problem)
    report(Step("portrait", len(templates), len(templates)))
    return PortraitBatch(tuple(portraits), tuple(failures))


def _kept(portrait: Portrait, out: Path) -> Portrait:
    out.mkdir(parents=True, exist_ok=True)
    file = free_name(out, f"{Path(portrait.template).stem}-{portrait.seed}")
    save_picture(portrait.picture, file, portrait.infotext)
    return replace(portrait, file=file)
