"""Prompt texts and how they join."""

from __future__ import annotations

TRIGGER = "easyphoto_face, easyphoto, 1person"
"""The caption every training picture had; it wakes the person's LoRA."""


def join_prompt(prompt: str) -> str:
    """Trigger words, then the user's prompt unchanged; nothing hidden is added."""
    wanted = prompt.strip().strip(",").strip()
    return f"{TRIGGER}, {wanted}" if wanted else TRIGGER
