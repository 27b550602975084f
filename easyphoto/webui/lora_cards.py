"""What the WebUI's LoRA browser shows of persons: only where a user has asked for it, since it names and shows them."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from threading import Thread
from typing import Any

from PIL import Image

from easyphoto.domain import LORA_TRIGGER, Person, PortraitRequest
from easyphoto.engines.webui.lora import copy_in
from easyphoto.engines.webui.lora_folder import FOLDER
from easyphoto.errors import EasyPhotoError
from easyphoto.images import open_picture
from easyphoto.lora.copies import CARD, PREVIEW, cards_of, copies_of
from easyphoto.private_files import replacing, write_atomic
from easyphoto.studio import Studio

SIDE = 512  # longer side of the preview in pixels

_log = logging.getLogger(__name__)


def update_soon(studio: Studio, wanted: bool) -> None:
    """In a thread of its own, since nobody waits for it."""
    Thread(target=_update, args=(studio, wanted), name="easyphoto-lora-cards", daemon=True).start()


def _update(studio: Studio, wanted: bool) -> None:
    from modules.shared_cmd_options import cmd_opts

    try:
        update(studio, Path(getattr(cmd_opts, "lora_dir", None) or ""), wanted)
    except (EasyPhotoError, OSError) as problem:
        _log.warning("no cards in the LoRA browser: %s", problem)


def update(studio: Studio, loras: Path, wanted: bool) -> None:
    """A card beside the copy of every person's LoRA in the host's folder `loras`, or none. Raises EasyPhotoError."""
    for person in studio.library.list():
        if person.lora is None:
            continue
        if wanted:
            _write(person, copy_in(loras / FOLDER, person.lora.file))
        else:
            for copy in copies_of(person.lora.file):
                for card in cards_of(copy):
                    card.unlink(missing_ok=True)


def card_of(person: Person) -> dict[str, Any]:
    """What the hosts read of a LoRA's JSON file; its family they find in its metadata."""
    assert person.lora is not None
    return {
        "description": person.name,
        "activation text": LORA_TRIGGER,
        "preferred weight": PortraitRequest.for_family(person.lora.family).lora_weight,
        "notes": "EasyPhoto",
    }


def _write(person: Person, copy: Path) -> None:
    """Both files, unless they are there: a user may have changed them in the browser."""
    card, preview = copy.with_suffix(CARD), copy.with_suffix(PREVIEW)
    if not card.exists():
        write_atomic(card, json.dumps(card_of(person), ensure_ascii=False, indent=1))
    if not preview.exists():
        picture = open_picture(person.face_id or person.reference, long_side=SIDE).convert("RGB")
        with replacing(preview) as part:
            Image.frombytes("RGB", picture.size, picture.tobytes()).save(part, "PNG")  # pixels alone
