"""What can be chosen in the script's fields and in requests; apart, since the WebUI builds the fields at its start."""

from __future__ import annotations

from enum import Enum

from easyphoto.locales import text
from easyphoto.strength import Strength

TITLE = "EasyPhoto"
KEY = "EasyPhoto face"
"""What the settings' names begin with in the picture's text."""

MOST_PHOTOS = 3
FACES_ON_PAGE = 4  # faces that can be given to a person there; a request may name more


class FaceOrder(str, Enum):
    """Which of the picture's faces is the first one."""

    LEFT = "left-to-right"
    RIGHT = "right-to-left"
    TOP = "top-to-bottom"
    BOTTOM = "bottom-to-top"
    LARGE = "largest-first"
    SMALL = "smallest-first"
    ALIKE = "most-alike"  # whoever looks like a person becomes them; there is no first one


def label(choice: Enum, language: str) -> str:
    """What a choice is called on the page; gradio 3 has no values apart from what is shown."""
    kind = "strength" if isinstance(choice, Strength) else "order"
    return text(f"script.{kind}.{choice.value}", language)
