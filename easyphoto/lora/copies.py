"""Where an engine has put copies of a person's LoRA: noted beside it, so that any process's deletion finds them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from easyphoto.private_files import write_atomic

NOTE = ".copies.json"  # beside the LoRA; never part of an export
CARD, PREVIEW = ".json", ".png"
"""Beside a copy, of its name: what a WebUI's LoRA browser shows of it."""

_COPY = re.compile(r"easyphoto-[0-9a-f]{20}\.safetensors")


def note_copy(lora: Path, copy: Path) -> None:
    """Remember the copy; call it before the copy is made."""
    known = {str(path) for path in copies_of(lora)}
    write_atomic(lora.parent / NOTE, json.dumps(sorted({*known, str(copy.resolve())})))


def copies_of(lora: Path) -> tuple[Path, ...]:
    """Those that were noted in the LoRA's folder; only names an engine of ours gives."""
    try:
        noted = json.loads((lora.parent / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    if not isinstance(noted, list):
        return ()
    return tuple(Path(path) for path in noted if isinstance(path, str) and _COPY.fullmatch(Path(path).name))


def cards_of(copy: Path) -> tuple[Path, Path]:
    """Where those of that copy lie, if there are any."""
    return copy.with_suffix(CARD), copy.with_suffix(PREVIEW)
