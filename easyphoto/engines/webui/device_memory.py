"""Whether a training fits beside the WebUI's own model."""

from __future__ import annotations

from typing import Any

GIBIBYTE = 1024**3
NEEDED = {"cuda": 12 * GIBIBYTE, "cpu": 10 * GIBIBYTE}
"""Bytes that must be free by the device that trains: what an SDXL LoRA at rank 32 takes, and the programs beside it."""


def room_for_both() -> bool:
    """By what is free now; the host's model stays where it is."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return free_bytes(torch, device) >= NEEDED[device]


def free_bytes(torch: Any, device: str) -> int:
    """Of the first card, or of the machine's memory."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    import psutil

    return int(psutil.virtual_memory().available)
