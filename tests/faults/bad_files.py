"""Files that are no sound photo, made by the dozen: the same ones every time."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, features

Content = tuple[str, bytes]  # name, bytes
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM")
FOREIGN = (
    b"just text",
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(x) run\n",
    b"%PDF-1.4\n",
    b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    b"<html><script>alert(1)</script></html>",
    b"PK\x03\x04" + b"\0" * 60,
    b"8BPS\0\x01" + b"\0" * 60,
    b"\x80\x04\x95",
    b"MZ" + b"\0" * 300,
    b"\x7fELF" + b"\0" * 300,
    b"\0\0\0\x18ftypmp42" + b"\0" * 300,
    b"\0\0\0\x18ftypheic" + b"\xff" * 300,
    b"\0\0\0\x1cftypavif" + b"\xff" * 300,
    b"RIFF\x10\0\0\0WAVEfmt ",
    b"\x1f\x8b\x08" + b"\0" * 60,
    b"SQLite format 3\0" + b"\0" * 60,
    b"\0" * 1000,
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
)


def encoded(kind: str, **options: object) -> bytes:
    """A sound picture of noise."""
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, kind, **options)
    return stream.getvalue()


def cut_off() -> Iterator[Content]:
    """Every format, cut at seven places."""
    for kind in FORMATS:
        if kind != "WEBP" or features.check("webp"):
            whole = encoded(kind)
            for part in (1, 2, 4, 8, 12, 14, 15):
                yield f"cut-{part}.{kind.lower()}", whole[: len(whole) * part // 16]


def chunk(kind: bytes, body: bytes) -> bytes:
    """One of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, data: bytes, more: bytes = b"") -> bytes:
    """A PNG that says it has that size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), more, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bombs() -> Iterator[Content]:
    """Few bytes that promise many pixels or much text."""
    for width, height in ((60_000, 60_000), (20_000, 20_000), (2**31 - 1, 1), (1, 2**31 - 1), (0, 5)):
        yield f"bomb-{width}x{height}.png", png(width, height, bytes(1_000_000))
    for kind in (b"zTXt", b"iCCP"):
        body = b"k\0\0" + zlib.compress(bytes(100_000_000), 9)
        yield f"bomb-{kind.decode()}.png", png(4, 4, bytes(52), chunk(kind, body))


def lying_headers() -> Iterator[Content]:
    """Sizes in the header that the content does not have, or that are too many."""
    gif, bmp, jpeg, webp = (bytearray(encoded(kind)) for kind in ("GIF", "BMP", "JPEG", "TIFF"))
    gif[6:10] = struct.pack("<HH", 65535, 65535)
    yield "lie.gif", bytes(gif)
    for size in (-1, 2**31 - 1, 30_000):
        bmp[18:26] = struct.pack("<ii", size, size)
        yield f"lie-{size}.bmp", bytes(bmp)
    frame = jpeg.index(b"\xff\xc0") + 5
    for height, width in ((65500, 65500), (0, 160), (120, 0), (119, 161)):
        jpeg[frame : frame + 4] = struct.pack(">HH", height, width)
        yield f"lie-{height}x{width}.jpg", bytes(jpeg)
    yield "lie.ppm", b"P6 99999 99999 255\n" + bytes(1000)
    webp[4:8] = struct.pack("<I", 2**31)
    yield "lie.tif", bytes(webp)


def damaged_metadata() -> Iterator[Content]:
    """EXIF and color profiles of nonsense; the pixels are sound."""
    for number, exif in enumerate(
        (b"Exif\0\0II*\0\xff\xff\xff\x7f junk", b"Exif\0\0MM\0*" + b"\xff" * 60, b"Exif\0\0", b"Exif\0\0" + bytes(9000))
    ):
        for kind in ("JPEG", "PNG"):
            yield f"exif-{number}.{kind.lower()}", encoded(kind, exif=exif)
    for number, profile in enumerate((b"no profile", bytes(128), b"\xff" * 4000, b"acsp" * 40)):
        for kind in ("JPEG", "PNG", "TIFF"):
            yield f"icc-{number}.{kind.lower()}", encoded(kind, icc_profile=profile)


def flipped(count: int) -> Iterator[Content]:
    """Sound pictures with a few bytes changed at random."""
    rng = np.random.default_rng(1)
    for number in range(count):
        kind = FORMATS[number % len(FORMATS)]
        data = bytearray(encoded(kind))
        for at in rng.integers(0, min(len(data), 600), 6):
            data[at] = int(rng.integers(0, 256))
        yield f"flipped-{number}.{kind.lower()}", bytes(data)


def contents(count: int) -> list[Content]:
    """So many files' bytes, at least 90, of every kind some."""
    foreign = ((f"foreign-{number}.jpg", content) for number, content in enumerate(FOREIGN))
    fixed = [*cut_off(), *bombs(), *lying_headers(), *damaged_metadata(), *foreign, ("empty.jpg", b"")]
    return [*fixed, *flipped(max(0, count - len(fixed)))]


def special(folder: Path) -> list[Path]:
    """What has a photo's name and is no file with a photo in it."""
    made: list[tuple[str, Callable[[Path], object]]] = [
        ("folder.jpg", lambda file: file.mkdir()),
        ("pipe.jpg", os.mkfifo),
        ("nowhere.jpg", lambda file: file.symlink_to(folder / "gone.jpg")),
        ("loop.jpg", lambda file: file.symlink_to(file)),
        ("secret.jpg", lambda file: file.symlink_to("/etc/passwd")),
        ("endless.jpg", lambda file: file.symlink_to("/dev/zero")),
        ("terminal.jpg", lambda file: file.symlink_to("/dev/tty")),
    ]
    for name, make in made:
        make(folder / name)
    return [folder / name for name, _ in made]


def write(folder: Path, count: int) -> list[Path]:
    """All of them as files in the folder."""
    folder.mkdir(parents=True)
    for name, content in contents(count):
        (folder / name).write_bytes(content)
    return sorted(folder.iterdir())
