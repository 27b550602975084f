"""The prompt of a portrait."""

from __future__ import annotations

from easyphoto.domain import LORA_TRIGGER


def join_prompt(prompt: str) -> str:
    """Trigger words, then the user's prompt unchanged; nothing hidden is added."""
    wanted = prompt.strip().strip(",").strip()
    return f"{LORA_TRIGGER}, {wanted}" if wanted else LORA_TRIGGER
