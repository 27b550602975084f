"""What may be wrong with a source, as something to be said and a decision: again, or the next source."""

from __future__ import annotations

import ssl
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from easyphoto.locales import Message, message

_LATER = frozenset({408, 423, 425, 429, 500, 502, 503, 504})
"""Answers that may be others in a moment."""
_REDIRECTS = range(300, 400)


class SourceFault(Exception):
    """A source did not give the file. Within this package only."""

    def __init__(self, reason: Message, again: bool = False, discard: bool = False, wait: float = 0.0) -> None:
        """`again`: the same source may do it; `discard`: what has come is of no use; `wait`: seconds it asks for."""
        super().__init__(str(reason))
        self.reason, self.again, self.discard, self.wait = reason, again, discard, wait


def host_of(address: str) -> str:
    """For messages."""
    return urlsplit(address).netloc


def fault_of(error: Exception, address: str) -> SourceFault:
    """Of what urllib raised before or while it answered."""
    host = host_of(address)
    if isinstance(error, HTTPError):
        return _refusal(error, host)
    cause = error.reason if isinstance(error, URLError) and isinstance(error.reason, Exception) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return SourceFault(message("weights.fault.certificate", host=host))
    if isinstance(cause, HTTPException):
        return SourceFault(message("weights.fault.cut", host=host), again=True)
    return SourceFault(message("weights.fault.no-answer", host=host, why=_words(cause)), again=True)


def _refusal(error: HTTPError, host: str) -> SourceFault:
    if error.code in _REDIRECTS:
        return SourceFault(message("weights.fault.redirects", host=host))
    wait = error.headers.get("Retry-After", "") if error.headers else ""
    reason = message("weights.fault.status", host=host, status=error.code)
    return SourceFault(reason, again=error.code in _LATER, wait=float(wait) if wait.isdigit() else 0.0)


def _words(cause: Exception) -> str:
    return str(getattr(cause, "strerror", None) or cause or type(cause).__name__)
