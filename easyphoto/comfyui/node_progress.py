"""Progress of a node: ComfyUI's bar below it, and its button that ends the work."""

from __future__ import annotations

from collections.abc import Sequence

from easyphoto.progress import Cancelled, Step
from easyphoto.stages import IN_TURNS, Stage, spans

UNITS = 1000


class NodeProgress:
    """A Progress. The bar goes from left to right once over all `parts`, each of which passes through the stages."""

    def __init__(self, node: str | None, stages: Sequence[Stage], parts: int = 1) -> None:
        import comfy.utils

        # Validation images come between steps of the training: the bar would jump ahead at the first one.
        journey = tuple(dict.fromkeys(stage for stage in stages if stage not in IN_TURNS[1:]))
        self._spans = dict(zip(journey, spans(journey), strict=True))
        self._bar = comfy.utils.ProgressBar(UNITS, node)
        self._parts = parts
        self._part = 0
        self._reached = 0

    def begin(self, part: int) -> None:
        """That one of the parts, the first of which is 0."""
        self._part = part
        self._reached = max(self._reached, UNITS * part // self._parts)

    def __call__(self, step: Step) -> None:
        """Raises Cancelled once the host was told to stop."""
        import comfy.model_management as management

        if management.processing_interrupted():
            raise Cancelled
        if step.stage in self._spans:
            begin, end = self._spans[step.stage]
            within = begin + (end - begin) * step.fraction
            self._reached = max(self._reached, int(UNITS * (self._part + within) / self._parts))
        try:
            self._bar.update_absolute(self._reached)
        except management.InterruptProcessingException as stopped:
            raise Cancelled from stopped
