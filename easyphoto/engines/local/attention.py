"""Which attention a pipeline computes with: xformers' where it is installed and works, else torch's own (SDPA)."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Any

_log = logging.getLogger(__name__)


def use_xformers(pipe: Any, device: str) -> bool:
    """Switch to it on CUDA; False where it is not there or does not work, which changes nothing: SDPA stays.

    diffusers tries it once when it is switched on, so that a build for another torch or GPU fails here.
    """
    if not device.startswith("cuda") or find_spec("xformers") is None:
        return False
    try:
        pipe.enable_xformers_memory_efficient_attention()
    except (ImportError, ValueError, RuntimeError, NotImplementedError) as problem:
        _log.warning("xformers is installed and does not work, torch's attention is used: %s", problem)
        return False
    return True
