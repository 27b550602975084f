"""Who may call: the login or token, the host name, and the page a browser comes from."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import urlsplit

from easyphoto.api.errors import NoLogin
from easyphoto.errors import BadRequest, NotAllowed

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
THIS_MACHINE = LOOPBACK | {"0.0.0.0", "::"}
"""Names under which a program on this machine reaches it: clients of the original call 0.0.0.0. Addresses are no
domains, so that no page of another site can have one of them for its own."""

SHORTEST_TOKEN = 16
COOKIE_CHARACTER = r"[!#-+\--:<-\[\]-~]"
"""Printable ASCII but for what ends or quotes a cookie's value: space, double quote, comma, semicolon, backslash."""

MEGABYTE = 1_000_000


class Proof(Protocol):
    """A way to show who one is."""

    @property
    def scheme(self) -> str:
        """What a program sends in the Authorization header: "Bearer" or "Basic"; empty for something else."""
        ...

    def holds(self, headers: Mapping[str, str]) -> bool:
        """Whether these headers prove it."""
        ...


@dataclass(frozen=True)
class Token:
    """One secret for everybody, sent as a bearer token."""

    secret: str
    scheme = "Bearer"

    def __post_init__(self) -> None:
        if not re.fullmatch(rf"{COOKIE_CHARACTER}{{{SHORTEST_TOKEN},}}", self.secret):
            raise BadRequest("access.short-token", stage="start", least=SHORTEST_TOKEN)

    def holds(self, headers: Mapping[str, str]) -> bool:
        """Compared in constant time."""
        given = _credentials(headers, self.scheme)
        return hmac.compare_digest(given.encode(), self.secret.encode())


@dataclass(frozen=True)
class Accounts:
    """User names with passwords, sent as HTTP Basic."""

    pairs: tuple[tuple[str, str], ...]
    scheme = "Basic"

    def holds(self, headers: Mapping[str, str]) -> bool:
        """Compared in constant time, with every account."""
        try:
            given = base64.b64decode(_credentials(headers, self.scheme), validate=True)
        except (binascii.Error, ValueError):
            return False
        found = [hmac.compare_digest(given, f"{user}:{password}".encode()) for user, password in self.pairs]
        return any(found)


@dataclass(frozen=True)
class Access:
    """Who may call. What others can reach asks for a proof, unless its host has been opened to everybody."""

    loopback: bool  # only the host names of this machine are answered to
    proofs: tuple[Proof, ...] = ()  # one of them must hold; empty: none is asked for
    hosts: frozenset[str] = frozenset()  # further host names of ours, without port
    pages: frozenset[str] = frozenset()  # origins of other sites whose pages may call us
    opened: bool = False  # the program around us has opened itself to the network without a login, knowingly
    max_body: int = 256 * MEGABYTE
    max_picture: int = 64 * MEGABYTE

    def __post_init__(self) -> None:
        if not (self.loopback or self.proofs or self.opened):
            raise BadRequest("access.open-without-token", stage="start")

    @classmethod
    def local(cls, token: str = "") -> Access:
        """For a program that listens on this machine only."""
        return cls(True, (Token(token),) if token else ())

    @classmethod
    def network(cls, token: str) -> Access:
        """For one that other machines reach. Raises BadRequest for an empty or short token."""
        return cls(False, (Token(token),) if token else ())

    @property
    def schemes(self) -> tuple[str, ...]:
        """What programs may send in the Authorization header."""
        return tuple(dict.fromkeys(proof.scheme for proof in self.proofs if proof.scheme))

    def check(self, headers: Mapping[str, str], reached: str = "") -> None:
        """Raises NotAllowed or NoLogin; `headers` are looked up in lower case, `reached` is our own address."""
        self._check_host(headers.get("host", ""), reached)
        self._check_origin(headers)
        if self.proofs and not any(proof.holds(headers) for proof in self.proofs):
            raise self._no_login()

    def _no_login(self) -> NoLogin:
        if "Bearer" in self.schemes:
            return NoLogin("access.no-token", stage="access")
        return NoLogin("access.no-login", stage="access")

    def _check_host(self, host: str, reached: str) -> None:
        """A stranger's domain that resolves to 127.0.0.1 is not us (DNS rebinding)."""
        if self.loopback and name_of(host) not in THIS_MACHINE | self.hosts | {reached}:
            raise NotAllowed("access.unknown-host", stage="access")

    def _check_origin(self, headers: Mapping[str, str]) -> None:
        """Pages of other sites may not call us, whatever the method."""
        origin = headers.get("origin")
        if origin is not None and origin in self.pages:
            return
        foreign = origin is not None and not self._is_ours(_place(origin), headers.get("host", "").lower())
        if foreign or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise NotAllowed("access.other-site", stage="access")

    def _is_ours(self, place: str, host: str) -> bool:
        """A proxy in front of us may have another name than the one it calls us by."""
        return place == host or name_of(place) in self.hosts


def address_reached(scope: Mapping[str, Any]) -> str:
    """Our address in a connection, as its server knows it; empty where that is no address."""
    place = str((scope.get("server") or ("",))[0])
    try:
        return str(ip_address(place))
    except ValueError:
        return ""


def name_of(host: str) -> str:
    """A Host header without its port; empty when it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _credentials(headers: Mapping[str, str], scheme: str) -> str:
    """What stands behind the scheme in the Authorization header; empty for another scheme."""
    kind, _, given = headers.get("authorization", "").partition(" ")
    return given.strip() if kind.lower() == scheme.lower() else ""


def _place(origin: str) -> str:
    """host[:port] of an Origin header, as a Host header has it; empty for "null" and rubbish."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
