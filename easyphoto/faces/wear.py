"""What a face wears: glasses, a beard, stubble."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from easyphoto.domain import Floats


@dataclass(frozen=True, eq=False)
class Glasses:
    """What a face wears before its eyes."""

    mask: Floats  # H x W 0..1 with a crisp edge: the frame, and the lenses where they are dark
    worn: bool
    dark: bool  # the eyes cannot be seen


@dataclass(frozen=True, eq=False)
class Wear:
    """What a face wears, in the pixels of its picture."""

    glasses: Glasses
    bearded: bool = False  # the chin is mostly no skin
    stubble: bool = False  # the jaw is dark and rough

    @classmethod
    def nothing(cls, size: tuple[int, int]) -> Wear:
        """A bare face in a picture of that (width, height)."""
        return cls(Glasses(np.zeros(size[::-1], np.float32), worn=False, dark=False))

    @property
    def hairy(self) -> bool:
        """Whether the lower face is not shaven."""
        return self.bearded or self.stubble
