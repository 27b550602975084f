"""Text that may hold names from outside, for terminals and logs: no character in it commands anything."""

from __future__ import annotations

import re

_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0 and C1: escape sequences, line ends
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # turn the direction of what follows
    "\ud800-\udfff\ufeff]"  # no characters at all
)


def printable(text: str, keep: str = "") -> str:
    """With control characters as their escapes (an escape character becomes ``\\u001b``), but for those in `keep`."""
    return _CONTROL.sub(lambda found: found[0] if found[0] in keep else f"\\u{ord(found[0]):04x}", text)
