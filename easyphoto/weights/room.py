"""Room on the disk, asked before anything is written."""

from __future__ import annotations

import shutil
from pathlib import Path

from easyphoto.errors import BadRequest
from easyphoto.system_errors import disk_of, folder_of

KEPT_FREE = 200_000_000
"""Bytes that stay free for everything else."""


def check_room(place: Path, needed: int) -> None:
    """Raises BadRequest where the disk of that place has not that many bytes and `KEPT_FREE` more."""
    free = shutil.disk_usage(folder_of(place)).free
    if needed > 0 and free < needed + KEPT_FREE:
        raise BadRequest(
            "weights.no-room", stage="fetch", needed=(needed + KEPT_FREE) / 1e6, free=free / 1e6, disk=disk_of(place)
        )
