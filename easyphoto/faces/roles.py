"""What a provider of faces can be chosen for."""

from __future__ import annotations

from enum import Enum


class Role(str, Enum):
    """Each is one or two methods of `FaceToolbox`."""

    DETECT = "detect"  # detect
    RECOGNIZE = "recognize"  # recognizer, embed: they belong together
    SEGMENT = "segment"  # matte
    PARSE = "parse"  # regions
    RETOUCH = "retouch"  # retouch
    TONE = "tone"  # skin_tone, retone
    ENHANCE = "enhance"  # sharpen, enhance
    FUSE = "fuse"  # fuse
