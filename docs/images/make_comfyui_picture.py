"""The picture of docs/comfyui.md and of the example workflow: photo and template go in, the portrait comes out.

    python docs/images/make_comfyui_picture.py

Photo and template ship with the program (public domain, and nobody); the portrait is made by `quick`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from make_portraits_picture import GAP, PAPER, PHOTO, ROOT, SIDE, TEMPLATES, portraits, tile
from PIL import Image

TEMPLATE = TEMPLATES[0]
PLACES = (ROOT / "docs" / "images" / "comfyui.jpg", ROOT / "example_workflows" / "photo-into-picture.jpg")
"""The second one is shown by ComfyUI's list of templates, which looks for it beside the workflow."""


def composed(portrait: Path) -> Image.Image:
    """Photo, template and portrait from left to right."""
    files = (PHOTO, ROOT / "models" / "templates" / TEMPLATE, portrait)
    sheet = Image.new("RGB", (len(files) * (SIDE + GAP) - GAP, SIDE), PAPER)
    for column, file in enumerate(files):
        sheet.paste(tile(file), (column * (SIDE + GAP), 0))
    return sheet


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        made = composed(portraits(Path(folder))[0])
    for place in PLACES:
        made.save(place, quality=88)
