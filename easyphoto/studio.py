"""The journeys that interfaces call: check photos, train, portrait. It wires and decides nothing.

A journey is imported when it begins: interfaces start at once, and a WebUI's start is not held up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from easyphoto.library import Library
from easyphoto.paths import Paths, default_root
from easyphoto.progress import Progress, silent
from easyphoto.providers import BUILTIN, DIFFUSERS, Toolboxes, make_engine
from easyphoto.training.interpreter import TrainerPython, own_python
from easyphoto.weights import WeightStore

if TYPE_CHECKING:
    from easyphoto.domain import Photo, PhotoReport, PortraitRequest, QuickRequest, Template, TrainRequest
    from easyphoto.engines.base import Engine
    from easyphoto.faces.base import FaceToolbox
    from easyphoto.locales import Message
    from easyphoto.portrait.batch import OnResult, PortraitBatch
    from easyphoto.quick import QuickPortraits
    from easyphoto.training.train import TrainingResult

Request = TypeVar("Request", "TrainRequest", "PortraitRequest")


@dataclass(frozen=True)
class _Lent:
    """A face toolbox for one journey."""

    toolbox: FaceToolbox
    notes: tuple[Message, ...]  # on what is not as it was asked for


class Studio:
    """The journeys with their tools: one engine, the face toolboxes, one trainer, one data folder."""

    def __init__(
        self,
        paths: Paths,
        engine: Engine,
        toolboxes: Toolboxes,
        trainer: TrainerPython = own_python,
        weights: Callable[[Paths], WeightStore] = WeightStore.of,
    ) -> None:
        self.paths = paths
        self.engine = engine
        self.toolboxes = toolboxes
        self.trainer = trainer
        self._open_weights = weights
        self.library = Library(paths)

    @classmethod
    def local(cls, root: Path | None = None, engine: str = DIFFUSERS, faces: str = BUILTIN) -> Studio:
        """In our own process, with that engine, and that face toolbox for requests that name none.

        Raises BadRequest for names that are not in its tables.
        """
        paths = Paths(root or default_root())
        return cls(paths, make_engine(engine, paths), Toolboxes(paths, faces))

    def with_engine(self, engine: Engine) -> Studio:
        """The same with another engine."""
        return Studio(self.paths, engine, self.toolboxes, self.trainer, self._open_weights)

    @cached_property
    def weights(self) -> WeightStore:
        """Model files that are not part of the program."""
        return self._open_weights(self.paths)

    @property
    def faces(self) -> FaceToolbox:
        """The toolbox of requests that name none."""
        return self.toolboxes.get()

    def check_photos(
        self, photos: Sequence[Photo], report: Progress = silent, faces: str = ""
    ) -> tuple[PhotoReport, ...]:
        """A verdict for every photo, in seconds; `faces` names the toolbox. Raises BadRequest."""
        from easyphoto.training.prepare import check

        with self._lent(faces) as lent:
            return check(photos, lent.toolbox, report)

    def train(self, request: TrainRequest, photos: Sequence[Photo], report: Progress = silent) -> TrainingResult:
        """Photos in, a person in the library out."""
        from easyphoto.training.train import TrainingContext, train

        with self._lent(request.faces) as lent:
            context = TrainingContext(self.paths, self.engine, lent.toolbox, self.library, self.trainer, lent.notes)
            return train(self._named(request), photos, context, report)

    def portrait(
        self,
        request: PortraitRequest,
        templates: Sequence[Template],
        report: Progress = silent,
        out: Path | None = None,
        on_result: OnResult | None = None,
    ) -> PortraitBatch:
        """A portrait for every template, saved in `out` or the data folder and handed to `on_result` when finished."""
        from easyphoto.portrait.batch import BatchContext, discard, generate_batch
        from easyphoto.portrait.generate import Tools

        with self._lent(request.faces) as lent:
            tools = Tools(self.engine, lent.toolbox, lambda: self.weights, lent.notes)
            context = BatchContext(tools, self.library, out or self.paths.portraits, on_result or discard)
            return generate_batch(self._named(request), templates, context, report)

    def quick(
        self,
        request: QuickRequest,
        photos: Sequence[Photo],
        templates: Sequence[Template],
        report: Progress = silent,
        out: Path | None = None,
        on_result: OnResult | None = None,
        face: int = 0,
    ) -> QuickPortraits:
        """Portraits from photos of one person alone, without a training; `face` of each template, from the left."""
        from easyphoto.portrait.batch import discard
        from easyphoto.portrait.generate import Tools
        from easyphoto.quick import QuickContext, quick_portraits

        with self._lent(request.faces) as lent:
            tools = Tools(self.engine, lent.toolbox, lambda: self.weights, lent.notes)
            context = QuickContext(tools, self.paths, out or self.paths.portraits, on_result or discard, face)
            named = replace(request, portrait=self._named(request.portrait))
            return quick_portraits(named, photos, templates, context, report)

    @contextmanager
    def _lent(self, asked: str) -> Iterator[_Lent]:
        """The toolbox as it is asked for; at the end its networks give their memory back."""
        toolbox, notes = self.toolboxes.get(asked), self.toolboxes.choice(asked).notes
        try:
            yield _Lent(toolbox, notes)
        finally:
            self.toolboxes.release()

    def _named(self, request: Request) -> Request:
        """With the toolbox it is carried out with, so that its records say which."""
        return replace(request, faces=self.toolboxes.name(request.faces))
