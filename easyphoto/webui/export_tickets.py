"""Links to a person's zip where the host's API alone asks for a login: whoever sees the page may follow them."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

HEADER = "x-easyphoto-ticket"
"""Set by us alone: the path that was asked for, and what came with it as `ticket`."""


@dataclass(frozen=True)
class ExportTickets:
    """A proof that holds for one path each, until the WebUI is started again; see `Proof`."""

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    scheme = ""

    def query(self, path: str) -> str:
        """What a link to that path of ours has after it, for example ``/v1/persons/anna/export``."""
        return f"?ticket={self._of(path)}"

    def holds(self, headers: Mapping[str, str]) -> bool:
        """Compared in constant time."""
        path, _, given = headers.get(HEADER, "").rpartition(" ")
        return bool(path) and hmac.compare_digest(given.encode(), self._of(path).encode())

    def marked(self, scope: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        """The connection with the header in place of the query; a header that a visitor has sent is gone."""
        headers = [pair for pair in scope.get("headers", ()) if pair[0].lower() != HEADER.encode()]
        asked = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        given = next((value for name, value in asked if name == "ticket"), "")
        if not given or not given.isascii():
            return {**scope, "headers": headers}
        whole = str(scope["path"])  # with or without the prefix, by version of Starlette
        path = "/" + whole.partition(f"{prefix}/")[2] if f"{prefix}/" in whole else whole
        rest = urlencode([(name, value) for name, value in asked if name != "ticket"])
        headers.append((HEADER.encode(), f"{path} {given}".encode()))
        return {**scope, "headers": headers, "query_string": rest.encode()}

    def _of(self, path: str) -> str:
        return hmac.new(self.secret, path.encode(), "sha256").hexdigest()
