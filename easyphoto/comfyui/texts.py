"""Texts of nodes, in the language of ComfyUI's page."""

from __future__ import annotations

from typing import Any

from easyphoto.comfyui.runtime import language
from easyphoto.locales import Message, text


def titles(node: str) -> dict[str, str]:
    """What a schema takes: the node's name in menus, and what it does."""
    return {
        "display_name": f"EasyPhoto: {text(f'comfyui.node.{node}.title', language())}",
        "description": text(f"comfyui.node.{node}.help", language()),
        "category": "EasyPhoto",
    }


def labels(name: str, **told: Any) -> dict[str, str]:
    """What an input takes: its name, with what tells it from others of the kind, and what it means."""
    return {
        "display_name": text(f"comfyui.input.{name}.label", language(), **told),
        "tooltip": text(f"comfyui.input.{name}.help", language()),
    }


def lines(messages: list[Message]) -> str:
    """A line each, none twice."""
    return "\n".join(dict.fromkeys(one.text(language()) for one in messages))
