"""How much memory this process and its children take at most."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

INTERVAL_SECONDS = 0.25


@dataclass
class Peak:
    """The highest sum of resident sizes seen; pages that processes share count in each of them."""

    bytes: int = 0

    @property
    def megabytes(self) -> float:
        """Millions of bytes."""
        return self.bytes / 1e6


@contextmanager
def watched() -> Iterator[Peak]:
    """Samples inside the block, four times a second."""
    peak, ended = Peak(), threading.Event()

    def sample() -> None:
        while True:
            peak.bytes = max(peak.bytes, resident())
            if ended.wait(INTERVAL_SECONDS):
                return

    watcher = threading.Thread(target=sample, name="memory", daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def resident() -> int:
    """Bytes of this process and all its children now; a child that ends meanwhile counts as 0."""
    import psutil

    me = psutil.Process()
    return sum(_resident(process) for process in (me, *me.children(recursive=True)))


def _resident(process: object) -> int:
    import psutil

    try:
        return int(process.memory_info().rss)  # type: ignore[attr-defined]
    except psutil.Error:
        return 0
