"""From a name in any script to a folder name that is safe on every system."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from easyphoto.errors import BadName

LONGEST_NAME, LONGEST_SLUG = 80, 40
PERSON_ID = r"^[a-z0-9][a-z0-9-]{0,63}$"
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "conin", "conout", "clock"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in range(10)}
)
_JOINERS = "\u200d\ufe0f"  # what emoji and some scripts are put together with


def check_name(name: str) -> str:
    """The name as it will be shown: NFC, spaces tidied. Raises BadName for empty, over-long or deceptive ones."""
    tidy = " ".join(unicodedata.normalize("NFC", name).split())
    if not any(unicodedata.category(sign)[0] in "LNSP" for sign in tidy):
        raise BadName("name.empty", stage="name")
    if len(tidy) > LONGEST_NAME:
        raise BadName("name.too-long", stage="name", length=len(tidy), most=LONGEST_NAME)
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn") and sign not in _JOINERS for sign in tidy):
        raise BadName("name.control-characters", stage="name")
    return tidy


def file_safe(name: str) -> str:
    """The name in the name of a file that every system takes."""
    return re.sub(r'[\\/:*?"<>|]', "-", check_name(name)).rstrip(". ")


def slug(name: str) -> str:
    """A person's id: lower-case ASCII letters, digits and hyphens, at most 51 characters, never a reserved name.

    Accents are dropped. Where other signs are lost (Chinese, emoji) or the name is cut, eight
    hex digits of its SHA-256 keep different names apart. Raises BadName as `check_name`.
    """
    tidy = check_name(name)
    plain = "".join(c for c in unicodedata.normalize("NFKD", tidy.casefold()) if not unicodedata.combining(c))
    words = re.findall(r"[a-z0-9]+", plain)
    readable = "-".join(words)
    lost = any(ord(sign) > 127 for sign in plain) or len(readable) > LONGEST_SLUG or not words
    if lost:
        digest = hashlib.sha256(tidy.casefold().encode("utf-8")).hexdigest()[:8]
        readable = f"{readable[:LONGEST_SLUG].rstrip('-') or 'person'}-{digest}"
    return f"person-{readable}" if readable in _RESERVED else readable


def check_id(identifier: str) -> str:
    """The id itself, when it can be a folder of ours. Raises BadName, whatever a caller from outside sends."""
    if not re.fullmatch(PERSON_ID[1:-1], identifier) or identifier in _RESERVED:
        raise BadName("library.bad-id", stage="library", id=identifier[:60])
    return identifier
