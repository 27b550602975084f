"""How the templates fit a person's photos: measured in the background, told once it is known."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from easyphoto.faces.base import FaceToolbox
from easyphoto.faces.traits import FaceTraits, traits_of
from easyphoto.images import fit_long_side, open_picture
from easyphoto.portrait.template_fit import TemplateFit, fit_of
from easyphoto.system_errors import FAILURES

MEASURED_SIDE = 1600  # pixels of a picture's longer side when its faces are measured
REMEMBERED = 1024  # pictures

Traits = tuple[FaceTraits, ...]
_Key = tuple[str, int]


class TemplateFits:
    """Traits of the faces in every picture that was asked for, by one thread; a page asks again until all are there."""

    def __init__(self, faces: Callable[[], FaceToolbox]) -> None:
        self._faces = faces
        self._known: OrderedDict[_Key, Traits] = OrderedDict()
        self._waiting: deque[_Key] = deque()
        self._idle = threading.Condition()
        self._running = False

    def of(self, template: Path, photos: Sequence[Path]) -> tuple[TemplateFit, ...]:
        """Of every face of the template, left to right; none while something is not measured yet."""
        measured = [self._traits(file) for file in (template, *photos)]
        if any(one is None for one in measured):
            return ()
        faces, *found = [one for one in measured if one is not None]
        largest = [max(one, key=lambda traits: traits.pixels) for one in found if one]
        return tuple(fit_of(face, largest) for face in faces) if largest else ()

    def wait(self, timeout: float) -> bool:
        """Until nothing is waiting to be measured; says whether that came true."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._running, timeout)

    def _traits(self, file: Path) -> Traits | None:
        """None while it is not measured, which is begun."""
        try:
            key = (str(file), file.stat().st_mtime_ns)
        except OSError:
            return ()
        with self._idle:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
            if key not in self._waiting:
                self._waiting.append(key)
            if not self._running:
                self._running = True
                threading.Thread(target=self._measure_all, name="easyphoto-template-fits", daemon=True).start()
        return None

    def _measure_all(self) -> None:
        while True:
            with self._idle:
                if not self._waiting:
                    self._running = False
                    self._idle.notify_all()
                    return
                key = self._waiting[0]
            measured = self._measured(Path(key[0]))
            with self._idle:
                self._waiting.popleft()
                self._known[key] = measured
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)

    def _measured(self, file: Path) -> Traits:
        try:
            picture = open_picture(file)
            small = fit_long_side(picture, MEASURED_SIDE)
            pixels, scale = np.asarray(small), small.width / picture.width
            return tuple(traits_of(pixels, face, scale) for face in self._faces().detect(pixels))
        except FAILURES:  # a hint is missing then; what is wrong with the file is told where it is used
            return ()
