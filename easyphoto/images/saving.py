"""Pictures with their settings and the AI-made mark inside, as the WebUI and the IPTC write them."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from easyphoto.errors import BadPicture, BadRequest
from easyphoto.private_files import write_atomic

AI_MADE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC Digital Source Type of media made by a trained model."""

_XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="EasyPhoto" '
    f'Iptc4xmpExt:DigitalSourceType="{AI_MADE}"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
_EXIF_IFD, _USER_COMMENT = 0x8769, 0x9286
_JPEG_TEXT_LIMIT = 32_000  # an APP1 segment holds 65533 bytes, UTF-16 takes two a character


def save_picture(picture: Image.Image, file: Path, infotext: str = "", ai_made: bool = True) -> None:
    """Write PNG or JPEG (by suffix, quality 95, 4:4:4) whole or not at all.

    The infotext goes where the WebUI reads it: PNG text `parameters`, JPEG EXIF UserComment. With
    `ai_made` an XMP packet says `trainedAlgorithmicMedia`. Nothing of the picture's former
    metadata (EXIF, GPS, profile) is carried over. Raises BadRequest for other suffixes.
    """
    kind = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}.get(file.suffix.lower())
    if kind is None:
        raise BadRequest("picture.unknown-suffix", stage="save", file=file.name, suffix=file.suffix)
    clean = picture.convert("RGB") if picture.mode != "RGB" else picture.copy()
    clean.info = {}
    options = _png(infotext, ai_made) if kind == "PNG" else _jpeg(infotext, ai_made, file)
    packed = io.BytesIO()  # in memory first: PIL's encoders do not say why a disk takes nothing
    clean.save(packed, kind, **options)
    write_atomic(file, packed.getvalue())


def _png(infotext: str, ai_made: bool) -> dict[str, Any]:
    """What PIL's PNG writer takes."""
    chunks = PngImagePlugin.PngInfo()
    if infotext:
        chunks.add_text("parameters", infotext)
    if ai_made:
        chunks.add_itxt("XML:com.adobe.xmp", _XMP)
    return {"pnginfo": chunks, "compress_level": 2}  # a third of the time of 6, a tenth larger


def _jpeg(infotext: str, ai_made: bool, file: Path) -> dict[str, Any]:
    """What PIL's JPEG writer takes; the XMP segment by hand, since only Pillow 11 has a word for it."""
    options: dict[str, Any] = {"quality": 95, "subsampling": 0}
    if len(infotext) > _JPEG_TEXT_LIMIT:
        raise BadRequest("picture.settings-too-long", stage="save", file=file.name)
    if infotext:
        exif = Image.Exif()
        # A dict of its own: Pillow 9.5 forgets what is put into `get_ifd` of an empty Exif.
        exif[_EXIF_IFD] = {_USER_COMMENT: b"UNICODE\0" + infotext.encode("utf-16-be")}
        options["exif"] = exif.tobytes()
    if ai_made:
        body = b"http://ns.adobe.com/xap/1.0/\0" + _XMP.encode()
        options["extra"] = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return options


def read_infotext(file: Path) -> str:
    """The settings that `save_picture` or the WebUI wrote; "" when there are none. Raises BadPicture."""
    try:
        with Image.open(file, formats=("PNG", "JPEG", "WEBP")) as source:
            if text := source.info.get("parameters"):
                return str(text)
            comment = source.getexif().get_ifd(_EXIF_IFD).get(_USER_COMMENT, b"")
    except Exception as error:  # decoders raise anything on hostile bytes
        raise BadPicture("picture.settings-unreadable", stage="read settings", file=file.name, why=error) from error
    return _decoded(comment)


def _decoded(comment: bytes | str) -> str:
    """EXIF UserComment: eight bytes name the encoding."""
    if isinstance(comment, str):
        return comment
    head, body = comment[:8], comment[8:]
    if head == b"UNICODE\0":
        return body.decode("utf-16-be", errors="replace")
    return body.decode("utf-8" if head != b"ASCII\0\0\0" else "ascii", errors="replace").rstrip("\0")
