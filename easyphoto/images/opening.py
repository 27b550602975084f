"""Opening foreign picture files, here and nowhere else; everything that fails is a BadPicture."""

from __future__ import annotations

import importlib
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from easyphoto.domain import PICTURE_ENDINGS
from easyphoto.errors import BadPicture, EasyPhotoError, NoResources
from easyphoto.printable import printable
from easyphoto.system_errors import refusal_of

_log = logging.getLogger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "PPM", "JPEG2000", "AVIF")
"""PIL decoders that are let at foreign bytes: none that starts another program or has pages."""

MAX_BYTES = 500_000_000

_ORIENTATION, _HEIC_BRANDS = 0x0112, (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_HEAD = 64  # bytes
_AVIF_BRANDS = (b"avif", b"avis")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def open_picture(file: Path, *, max_pixels: int = 100_000_000, long_side: int | None = None) -> Image.Image:
    """The first frame as upright sRGB "RGB" without any metadata.

    EXIF orientation and ICC profile are applied, transparency lies on white, 16-bit, CMYK, Lab,
    palette and grey become 8-bit RGB. With `long_side` the longer side is at most that many
    pixels, and a JPEG is decoded at a fraction of its size, so it is fast and the limit of
    `max_pixels` counts the pixels that are really decoded (PIL's own limit of 179 million always
    holds). Raises BadPicture (file = the name, stage = "open") for everything that cannot be read.
    """
    try:
        with _opened(file) as source:
            if long_side:
                ratio = long_side / max(source.size)
                source.draft(None, (max(1, int(source.width * ratio)), max(1, int(source.height * ratio))))
            _check_size(source, file, max_pixels)
            return _normal(source, file, long_side)
    except BadPicture:
        raise
    except Image.DecompressionBombError as error:
        raise _bad(file, "picture.far-too-many-pixels") from error
    except MemoryError as error:
        raise _bad(file, "picture.out-of-memory") from error
    except Exception as error:  # decoders raise anything on hostile bytes
        raise _unreadable(file, error) or _bad(file, "picture.damaged", why=error or type(error).__name__) from error


def picture_size(file: Path) -> tuple[int, int]:
    """(width, height) as the upright picture will have, from the header alone. Raises BadPicture as `open_picture`."""
    try:
        with _opened(file) as source:
            turn = _turn(source)
            swapped = turn in (_TURNS[5], _TURNS[6], _TURNS[7], _TURNS[8])
            return (source.height, source.width) if swapped else (source.width, source.height)
    except BadPicture:
        raise
    except Exception as error:  # decoders raise anything on hostile bytes
        refused = _unreadable(file, error)
        raise refused or _bad(file, "picture.damaged-header", why=error or type(error).__name__) from error


def may_be_picture(file: Path, name: str) -> bool:
    """Whether the name of `file` ends like a picture's or its header is one's; a damaged picture may be one, too."""
    if Path(name).suffix.lower() in PICTURE_ENDINGS:
        return True
    try:
        picture_size(file)
    except BadPicture:
        return False
    return True


def _unreadable(file: Path, error: Exception) -> EasyPhotoError | None:
    """What the system refuses says nothing of the file's content; too many open files end more than this picture."""
    refused = refusal_of(error)
    if isinstance(refused, NoResources) or refused is None:
        return refused
    return _bad(file, "picture.unreadable")


def _bad(file: Path, code: str, /, **params: Any) -> BadPicture:
    return BadPicture(code, stage="open", file=file.name, **params)


def _check_size(source: Image.Image, file: Path, max_pixels: int) -> None:
    """Raise BadPicture before the pixels are decoded, not after."""
    if source.width * source.height > max_pixels:
        raise _bad(file, "picture.too-many-pixels", width=source.width, height=source.height, limit=max_pixels / 1e6)


@contextmanager
def _opened(file: Path) -> Iterator[Image.Image]:
    """The file's header read and its decoder chosen by content, never by suffix."""
    brand = _brand(file)
    if brand in _HEIC_BRANDS:
        yield _heic(file)
        return
    Image.init()
    try:
        source = Image.open(file, formats=[name for name in FORMATS if name in Image.OPEN])
    except UnidentifiedImageError as error:
        if brand in _AVIF_BRANDS and "AVIF" in Image.OPEN:
            raise _bad(file, "picture.damaged", why="AVIF") from error
        if brand in _AVIF_BRANDS:
            raise _bad(file, "picture.needs-avif") from error
        raise _bad(file, "picture.unknown-format") from error
    with source:
        yield source


def _brand(file: Path) -> bytes:
    """The ISO media brand (HEIC, AVIF), empty for other files. Raises BadPicture for what is no readable file."""
    if not file.is_file():
        raise _bad(file, "picture.no-file")
    size = file.stat().st_size
    if size == 0:
        raise _bad(file, "picture.empty")
    if size > MAX_BYTES:
        raise _bad(file, "picture.too-large", size=size // 1_000_000, limit=MAX_BYTES // 1_000_000)
    with file.open("rb") as stream:
        head = stream.read(_HEAD)
    if head[4:8] != b"ftyp":
        return b""
    end = min(len(head), int.from_bytes(head[:4], "big"))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    return next((brand for brand in brands if brand in _AVIF_BRANDS), brands[0])  # AVIF may call itself "mif1" first


def _heic(file: Path) -> Image.Image:
    """A HEIC photo; libheif has turned it upright already."""
    container = _heic_decoder(file).open_heif(file)
    if container.size[0] * container.size[1] > Image.MAX_IMAGE_PIXELS * 2:  # type: ignore[operator]
        raise Image.DecompressionBombError
    picture: Image.Image = container.to_pillow()
    return picture


def _heic_decoder(file: Path) -> Any:
    """pi-heif, which is pillow-heif without its encoder, or the whole of it. Raises BadPicture where there is none."""
    for name in ("pi_heif", "pillow_heif"):
        with suppress(ImportError):
            return importlib.import_module(name)
    raise _bad(file, "picture.needs-heic")


def _normal(source: Image.Image, file: Path, long_side: int | None) -> Image.Image:
    """Decoded, shrunk, turned, flattened and in sRGB, in the order that touches the fewest pixels."""
    turn, profile = _turn(source), source.info.get("icc_profile")
    flat = _eight_bit(source)
    if long_side and max(flat.size) > long_side:
        flat.thumbnail((long_side, long_side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    if turn is not None:
        flat = flat.transpose(turn)
    rgb = _srgb(_on_white(flat), profile, file.name)
    clean = rgb.copy() if rgb is source else rgb  # a plain picture, since the source goes with its file
    clean.info = {}
    return clean


def _turn(source: Image.Image) -> Image.Transpose | None:
    """What the EXIF orientation asks for; damaged EXIF counts as upright."""
    try:
        return _TURNS.get(source.getexif().get(_ORIENTATION, 1))
    except Exception as error:  # EXIF is foreign bytes too, and no reason to refuse the picture
        _log.warning("Damaged EXIF is ignored (%s).", type(error).__name__)
        return None


def _eight_bit(source: Image.Image) -> Image.Image:
    """The decoded first frame in L, LA, RGB, RGBA, CMYK or LAB; the source itself where it is one of them."""
    source.load()
    if source.mode in ("L", "LA", "RGB", "RGBA", "CMYK", "LAB"):
        return source
    if source.mode.startswith("I") or source.mode == "F":
        return _from_deep(np.asarray(source, dtype=np.float64))
    see_through = source.mode in ("PA", "RGBa", "La") or "transparency" in source.info
    return source.convert("RGBA" if see_through else "RGB")


def _from_deep(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Image.Image:
    """Grey of 16 or 32 bits, or floats, to 8 bits; the scale is the least of 1, 255 and 65535 that holds the values."""
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    most = float(values.max())
    top = next((t for t in (1.0, 255.0, 65535.0) if most <= t), most)
    return Image.fromarray(np.clip(np.rint(values * (255 / top)), 0, 255).astype(np.uint8))


def _on_white(picture: Image.Image) -> Image.Image:
    """Without alpha, on white; also for RGB or grey with one transparent colour."""
    if "transparency" in picture.info and picture.mode in ("L", "RGB"):
        picture = picture.convert("RGBA")
    if picture.mode not in ("RGBA", "LA"):
        return picture
    back = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(back, picture.convert("RGBA")).convert("RGB")


def _srgb(picture: Image.Image, profile: bytes | None, name: str) -> Image.Image:
    """In sRGB by its profile; one that is damaged or does not fit is ignored, as viewers do, with a log line."""
    if picture.mode == "LAB" or profile:
        own = ImageCms.createProfile("LAB") if picture.mode == "LAB" else None
        try:
            used = own or ImageCms.getOpenProfile(io.BytesIO(profile or b""))
            changed = ImageCms.profileToProfile(
                picture,
                used,
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            )
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
            _log.warning("The color profile of %s is ignored (%s).", printable(name), type(error).__name__)
        else:
            return changed if changed is not None else picture
    return picture if picture.mode == "RGB" else picture.convert("RGB")
