"""Small pictures inside the page itself (data URIs): nothing private gets an address that could be asked for."""

from __future__ import annotations

import base64
import io
import threading
from collections import OrderedDict
from pathlib import Path

from PIL import Image

from easyphoto.errors import BadPicture
from easyphoto.images import open_picture

THUMB, PREVIEW = 320, 800  # longer side in pixels
REMEMBERED = 256  # pictures


def data_uri(picture: Image.Image, side: int = THUMB, quality: int = 82) -> str:
    """A JPEG of at most `side` pixels as a ``data:`` address, without any metadata."""
    small = picture.convert("RGB")
    small.thumbnail((side, side))
    small.info = {}
    held = io.BytesIO()
    small.save(held, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(held.getvalue()).decode()


class PictureCache:
    """Data URIs of files, remembered as long as the file does not change."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._known: OrderedDict[tuple[str, int, int], str] = OrderedDict()
        self._lock = threading.Lock()

    def uri(self, file: Path | None, side: int = THUMB) -> str:
        """The picture in `file` as a data URI; "" when it is not there or cannot be read."""
        try:
            key = (str(file), file.stat().st_mtime_ns, side) if file else None
        except OSError:
            return ""
        if key is None or file is None:
            return ""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        uri = self._read(file, side)
        with self._lock:
            self._known[key] = uri
            while len(self._known) > self._remembered:
                self._known.popitem(last=False)
        return uri

    @staticmethod
    def _read(file: Path, side: int) -> str:
        try:
            return data_uri(open_picture(file, long_side=side), side)
        except BadPicture:
            return ""
