"""What every command works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from easyphoto.domain import SavedPortrait
from easyphoto.errors import EasyPhotoError
from easyphoto.locales import Message
from easyphoto.progress import Progress

if TYPE_CHECKING:
    from easyphoto.studio import Studio


@dataclass(frozen=True)
class CommandContext:
    """What a command works with."""

    studio: Studio
    report: Progress
    finished: list[SavedPortrait] = field(default_factory=list)  # portraits that are saved already
    ask: Callable[[Message], bool] | None = None  # a question of yes or no; None where nobody can answer

    def on_result(self, done: SavedPortrait | EasyPhotoError) -> None:
        """Takes each as it is finished."""
        if isinstance(done, SavedPortrait):
            self.finished.append(done)
