"""A server of one file on this machine, which does wrong what it is told to."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Fault = Callable[["Exchange"], bool]
"""Answers a request in a wrong way; False leaves it to the server."""


@dataclass
class Served:
    """What is served, and every request so far."""

    content: bytes
    fault: Fault | None = None
    etag: str = '"one"'
    ranges: bool = True
    requests: list[dict[str, str]] = field(default_factory=list)
    address: str = ""


class Exchange(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    served: Served

    def do_GET(self) -> None:
        self.served.requests.append(dict(self.headers))
        if self.served.fault is None or not self.served.fault(self):
            self.whole()

    def log_message(self, *args: object) -> None:
        """Quiet."""

    @property
    def number(self) -> int:
        """1 for the first request."""
        return len(self.served.requests)

    def begin(self) -> int:
        """The byte that is asked for."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        fits = self.headers.get("If-Range", self.served.etag) == self.served.etag
        return int(asked[1]) if asked and fits and self.served.ranges else 0

    def head(self, length: int | None, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if self.served.etag:
            self.send_header("ETag", self.served.etag)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length is None:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()

    def whole(self, upto: int | None = None) -> None:
        """As asked for; cut before byte `upto`."""
        start, total = self.begin(), len(self.served.content)
        if start >= total > 0:
            self.head(0, 416, Content_Range=f"bytes */{total}")
            return
        span = {"Content_Range": f"bytes {start}-{total - 1}/{total}"} if start else {}
        self.head(total - start, 206 if start else 200, **span)
        self.wfile.write(self.served.content[start : total if upto is None else max(start, upto)])
        self.close_connection = upto is not None

    def drip(self, size: int, seconds: float) -> None:
        """Small pieces with pauses, until the other side has gone or all is sent."""
        start, total = self.begin(), len(self.served.content)
        span = {"Content_Range": f"bytes {start}-{total - 1}/{total}"} if start else {}
        self.head(total - start, 206 if start else 200, **span)
        for at in range(start, total, size):
            try:
                self.wfile.write(self.served.content[at : at + size])
                self.wfile.flush()
            except OSError:
                return
            time.sleep(seconds)


@contextmanager
def serving(content: bytes, fault: Fault | None = None, **settings: object) -> Iterator[Served]:
    """It, for the block."""
    served = Served(content, fault, **settings)  # type: ignore[arg-type]
    handler = type("Bound", (Exchange,), {"served": served})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    served.address = f"http://127.0.0.1:{server.server_address[1]}/net.safetensors"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
