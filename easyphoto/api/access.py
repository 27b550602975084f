"""Who may speak to us: the token, the host name, and the page a browser comes from."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from easyphoto.api.refusals import NotAllowed, NoToken
from easyphoto.errors import BadRequest

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SHORTEST_TOKEN = 16

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Access:
    """The door's rules. A door that is not on loopback cannot be made without a token."""

    loopback: bool
    token: str = ""  # empty: none is asked for
    hosts: frozenset[str] = frozenset()  # further host names we answer to, without port; only looked at on loopback
    max_body: int = 256 * MEGABYTE
    max_picture: int = 64 * MEGABYTE

    def __post_init__(self) -> None:
        if not self.loopback and not self.token:
            raise BadRequest(
                "The API is reachable from other machines and needs a token.",
                stage="start",
                mend="Set a token, or listen on 127.0.0.1 only.",
            )
        if self.token and (len(self.token) < SHORTEST_TOKEN or not self.token.isascii()):
            raise BadRequest(f"The token needs at least {SHORTEST_TOKEN} ASCII characters.", stage="start")

    @classmethod
    def local(cls, token: str = "") -> Access:
        """For a program that listens on this machine only."""
        return cls(True, token)

    @classmethod
    def network(cls, token: str) -> Access:
        """For one that other machines reach. Raises BadRequest for an empty or short token."""
        return cls(False, token)

    def check(self, headers: Mapping[str, str]) -> None:
        """Raises NotAllowed or NoToken; `headers` are looked up in lower case."""
        self._check_host(headers.get("host", ""))
        self._check_origin(headers)
        if self.token:
            self._check_token(headers.get("authorization", ""))

    def _check_host(self, host: str) -> None:
        """A stranger's domain that resolves to 127.0.0.1 is not us (DNS rebinding)."""
        if self.loopback and name_of(host) not in LOOPBACK | self.hosts:
            raise NotAllowed("This host name is not ours.", stage="access", mend="Call 127.0.0.1 or localhost.")

    def _check_origin(self, headers: Mapping[str, str]) -> None:
        """Pages of other sites may not call us, whatever the method."""
        origin = headers.get("origin")
        foreign = origin is not None and _place(origin) != headers.get("host", "").lower()
        if foreign or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise NotAllowed("Pages of other sites may not call this.", stage="access")

    def _check_token(self, authorization: str) -> None:
        kind, _, given = authorization.partition(" ")
        if kind.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self.token.encode()):
            raise NoToken("A valid token is needed.", stage="access", mend="Send Authorization: Bearer TOKEN.")


def name_of(host: str) -> str:
    """A Host header without its port; empty when it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _place(origin: str) -> str:
    """host[:port] of an Origin header, as a Host header has it; empty for "null" and rubbish."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
