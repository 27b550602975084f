"""Exports of a person, changed in every way an attacker or a bad disk might: the same ones every time."""

from __future__ import annotations

import io
import json
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

MANIFEST = "manifest.json"
Zip = tuple[str, bytes]  # what is wrong with it, its bytes
Members = list[tuple[zipfile.ZipInfo, bytes]]

NAMES = (
    *("../evil.png", "../../../../tmp/evil.png", "train/../../evil.png", "/tmp/evil.png", "//evil/share.png"),
    *("C:\\evil.png", "..\\evil.png", "train\\..\\..\\evil.png", "evil.png:stream", "CON", "NUL.png", "evil.png "),
    *("evil.py", "evil.exe", ".bashrc", ".ssh/authorized_keys", "evil\u202egnp.png", "evil\n.png", "evil\x1b[2J.png"),
    *("x" * 300 + ".png", "/".join("x" * 90) + ".png", "~/evil.png", "$HOME/evil.png", "train/", "Reference.png"),
    *("MANIFEST.JSON", "./reference.png", "photos//0000.jpg", "__MACOSX/evil.png", "file:///tmp/evil.png", " ", "-rf"),
)
KINDS = (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFDIR)
VALUES: tuple[Any, ...] = (None, -1, 1e308, "x", "x" * 10**6, [], {}, [[]] * 9, True, {"a": {"b": {}}}, "../../evil")


def members_of(data: bytes) -> Members:
    """Every entry with its content."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info, archive.read(info)) for info in archive.infolist()]


def packed(members: Members, method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of them, whatever they are called."""
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", method) as archive:
        warnings.simplefilter("ignore")  # names that are there twice
        for info, content in members:
            archive.writestr(_entry(info.filename, info.external_attr, method), content)
    return stream.getvalue()


def _entry(name: str, attributes: int, method: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name.split("\0")[0] or " ")
    info.external_attr, info.compress_type = attributes, method
    return info


def strange_names(members: Members) -> Iterator[Zip]:
    """One more member, unlisted and listed in the manifest."""
    for name in NAMES:
        extra = zipfile.ZipInfo(name), b"evil"
        yield f"member {name[:30]!r}", packed([*members, extra])
        listed = json.loads(members[0][1])
        listed["files"] = {**listed["files"], name: "0" * 64}
        yield f"listed {name[:30]!r}", packed([(members[0][0], json.dumps(listed).encode()), *members[1:], extra])


def strange_kinds(members: Members) -> Iterator[Zip]:
    """A member that is a link, a pipe or a device."""
    for kind in KINDS:
        info = zipfile.ZipInfo(members[1][0].filename)
        info.external_attr = (kind | 0o777) << 16
        yield f"kind {kind:o}", packed([members[0], (info, b"/etc/passwd"), *members[2:]])


def bombs(members: Members) -> Iterator[Zip]:
    """Little that unpacks to much, and far too many members."""
    for number in (1, 2, 3):
        inflated = [(info, bytes(60_000_000) if n == number else content) for n, (info, content) in enumerate(members)]
        yield f"bomb {number}", packed(inflated, zipfile.ZIP_DEFLATED)
    yield "bomb manifest", packed([(members[0][0], b" " * 60_000_000), *members[1:]], zipfile.ZIP_DEFLATED)
    many = [(zipfile.ZipInfo(f"train/{number:06d}.png"), b"") for number in range(70_000)]
    yield "70000 members", packed([*members, *many])
    deep = b'{"schema":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    yield "deep manifest", packed([(members[0][0], deep), *members[1:]])


def twice(members: Members) -> Iterator[Zip]:
    """The same name twice."""
    for number, (info, _) in enumerate(members):
        yield f"twice {number}", packed([*members, (info, b"another")])


def missing(members: Members) -> Iterator[Zip]:
    """A member less."""
    for number in range(len(members)):
        yield f"without {number}", packed(members[:number] + members[number + 1 :])


def strange_manifests(members: Members) -> Iterator[Zip]:
    """Every field of the manifest with values of other types."""
    manifest = json.loads(members[0][1])
    for field in manifest:
        for value in VALUES:
            if value != manifest[field]:
                changed = json.dumps({**manifest, field: value}).encode()
                yield f"manifest {field}={str(value)[:12]}", packed([(members[0][0], changed), *members[1:]])


def broken(data: bytes) -> Iterator[Zip]:
    """Cut, with wrong checksums, sizes, offsets and methods."""
    for part in range(1, 10):
        yield f"cut {part}", data[: len(data) * part // 10]
    table = data.index(b"PK\x01\x02")
    for offset, value in ((10, 99), (10, 12), (8, 1), (16, 7), (20, 2**31), (24, 2**32 - 2), (42, 2**31), (28, 9999)):
        changed = bytearray(data)
        struct.pack_into("<H" if offset in (8, 10, 28) else "<I", changed, table + offset, value)
        yield f"table {offset}={value}", bytes(changed)
    yield "junk before", b"#!/bin/sh\n" + data
    yield "empty", b""
    yield "no zip", b"PK\x05\x06" + bytes(18)


def flipped(data: bytes) -> Iterator[Zip]:
    """One byte changed at random, for ever."""
    rng = np.random.default_rng(2)
    while True:
        changed, at = bytearray(data), int(rng.integers(0, len(data)))
        changed[at] ^= int(rng.integers(1, 256))
        yield f"byte {at}", bytes(changed)


def hostile(data: bytes, count: int) -> Iterator[Zip]:
    """So many zips made from a sound export; kinds take turns."""
    members = members_of(data)
    makers: list[Callable[[], Iterator[Zip]]] = [
        *(lambda m=make: m(members) for make in (strange_names, strange_kinds, bombs, twice, missing)),  # type: ignore[misc]
        lambda: strange_manifests(members),
        lambda: broken(data),
        lambda: flipped(data),
    ]
    waiting = [make() for make in makers]
    while count > 0:
        for source in list(waiting):
            made = next(source, None)
            if made is None:
                waiting.remove(source)
            elif count > 0:
                count -= 1
                yield made
