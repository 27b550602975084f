"""How often each fault is tried: few times by default, the full counts with EASYPHOTO_FAULTS=full."""

from __future__ import annotations

import os

FULL = os.environ.get("EASYPHOTO_FAULTS") == "full"


def tries(few: int, full: int) -> int:
    """How many."""
    return full if FULL else few


def spread(count: int, last: int) -> list[int]:
    """So many different numbers from 0 to `last`, evenly spread, both ends among them."""
    return sorted({round(number * last / max(1, count - 1)) for number in range(count)})
