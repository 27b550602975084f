"""Whether validation images come nearer to the person: when to end a training, and a verdict after it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from easyphoto.locales import Message, message
from easyphoto.progress import Progress, Step
from easyphoto.training.launch import STOP_FILE

PATIENCE = 2
"""Checks without a gain after which a training is at its plateau."""
FEWEST = 4
"""Checks, step 0 included, before which nothing is said."""
GAIN = 0.005
"""Distances nearer by less than this share are no gain: as much as two seeds differ by."""


def at_plateau(distances: Sequence[float]) -> bool:
    """Whether the last PATIENCE checks brought nothing; mean distances in the order of the steps, lower is nearer."""
    if len(distances) < FEWEST:
        return False
    return min(distances[-PATIENCE:]) > (1 - GAIN) * min(distances[:-PATIENCE])


@dataclass
class PlateauStop:
    """Hears a training's progress and asks the trainer in `folder` to stop at a plateau."""

    folder: Path
    templates: int  # validation images a check
    stopped: Message | None = None
    _distances: dict[int, list[float]] = field(default_factory=dict)
    _begun: float = field(default_factory=time.perf_counter)

    def listening(self, report: Progress) -> Progress:
        """`report`, heard on the way."""

        def pass_on(step: Step) -> None:
            distance = step.figures.get("distance")
            if distance is not None:
                self._note(step, float(distance))
            report(step)

        return pass_on

    def _note(self, step: Step, distance: float) -> None:
        seen = self._distances.setdefault(step.done, [])
        seen.append(distance)
        if self.stopped or len(seen) < self.templates or step.done >= step.total:
            return
        checks = [float(np.mean(self._distances[done])) for done in sorted(self._distances)]
        if at_plateau(checks):
            (self.folder / STOP_FILE).touch()
            spent = time.perf_counter() - self._begun
            saved = round(spent / step.done * (step.total - step.done) / 60, 1)
            self.stopped = message("training.plateau", step=step.done, total=step.total, checks=PATIENCE, minutes=saved)


def without_gain(by_step: Mapping[int, Mapping[int, float]]) -> bool:
    """Whether no later step is nearer than step 0 by more than the spread of that gain over the templates.

    `by_step`: step -> template -> distance. Templates are compared with themselves. Without a step 0 nothing is said.
    """
    start = by_step.get(0, {})
    gains = []
    for step, seen in by_step.items():
        paired = [start[template] - distance for template, distance in seen.items() if template in start]
        if step > 0 and paired:
            gains.append((float(np.mean(paired)), float(np.std(paired))))
    return bool(gains) and all(mean <= spread for mean, spread in gains)
