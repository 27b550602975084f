"""One answer of a server: asked for with a range, checked before its body is taken, read so that slowness shows."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from easyphoto import __version__
from easyphoto.locales import message
from easyphoto.weights.faults import SourceFault, fault_of, host_of
from easyphoto.weights.patience import Patience

CHUNK = 1 << 20
_PAGES = ("text/html", "application/xhtml", "application/json")
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class _NoDowngrade(HTTPRedirectHandler):
    """Never from https to an address without encryption."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """As the library's."""
        if req.type == "https" and not newurl.startswith("https:"):
            raise HTTPError(newurl, 300, msg, headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> OpenerDirector:
    """With the proxies that the environment names."""
    return build_opener(_NoDowngrade)


class Answer:
    """A server's answer to the question for a file from byte `begun` on."""

    def __init__(self, address: str, response: HTTPResponse, begun: int) -> None:
        """Raises SourceFault for what is no file."""
        self.address, self._response = address, response
        self.start, self.total = _extent(response, begun, host_of(address))
        kind = response.headers.get("Content-Type", "").lower()
        if kind.startswith(_PAGES) or response.headers.get("Content-Encoding", "identity") != "identity":
            raise SourceFault(message("weights.fault.page", host=host_of(address)))

    @property
    def host(self) -> str:
        """For messages."""
        return host_of(self.address)

    def close(self) -> None:
        """The connection is over."""
        self._response.close()

    @property
    def validator(self) -> str:
        """What the server knows this version of the file by; "" where it says nothing that would do."""
        tag = self._response.headers.get("ETag", "")
        strong = "" if tag.startswith("W/") else tag
        return strong or self._response.headers.get("Last-Modified", "")

    @property
    def delimited(self) -> bool:
        """Whether a body that was cut can be told from a whole one."""
        return self.total is not None or bool(getattr(self._response, "chunked", False))

    def chunks(self, patience: Patience) -> Iterator[bytes]:
        """The body as it comes. Raises SourceFault when it is cut or too slow."""
        began, came = time.monotonic(), 0
        while chunk := self._read():
            yield chunk
            came += len(chunk)
            passed = time.monotonic() - began
            if passed > patience.window:
                if came < patience.slowest * passed:
                    raise SourceFault(message("weights.fault.slow", host=self.host))
                began, came = time.monotonic(), 0

    def _read(self) -> bytes:
        try:
            return self._response.read1(CHUNK)
        except (OSError, HTTPException, ValueError) as error:
            raise SourceFault(message("weights.fault.cut", host=self.host), again=True) from error


def ask(address: str, begun: int, validator: str, timeout: float) -> Answer:
    """Ask for the file from that byte on, and only for the same version where a validator is given.

    Raises SourceFault; one that discards for a range that the file does not have.
    """
    headers = {"User-Agent": f"easyphoto/{__version__}", "Accept-Encoding": "identity", **_range(begun, validator)}
    try:
        response = _opener().open(Request(address, headers=headers), timeout=timeout)
    except HTTPError as error:
        error.close()
        if error.code == 416:
            reason = message("weights.fault.status", host=host_of(address), status=416)
            raise SourceFault(reason, again=True, discard=True) from error
        raise fault_of(error, address) from error
    except (OSError, HTTPException, ValueError) as error:
        raise fault_of(error, address) from error
    return _answer(address, response, begun)


def _answer(address: str, response: Any, begun: int) -> Answer:
    try:
        return Answer(address, response, begun)
    except SourceFault:
        response.close()
        raise


def _range(begun: int, validator: str) -> Mapping[str, str]:
    if not begun:
        return {}
    return {"Range": f"bytes={begun}-", **({"If-Range": validator} if validator else {})}


def _extent(response: HTTPResponse, begun: int, host: str) -> tuple[int, int | None]:
    """The byte that the body begins with, and the length of the whole file. Raises SourceFault."""
    if response.status == 206:
        told = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if told is None or int(told[1]) != begun:
            raise SourceFault(message("weights.fault.range", host=host), again=True, discard=True)
        return begun, int(told[2]) if told[2] != "*" else None
    if response.status != 200:
        raise SourceFault(message("weights.fault.status", host=host, status=response.status))
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None
