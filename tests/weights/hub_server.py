"""Stand-ins of both hubs on this machine, with as much of their interfaces as their own clients ask for one file."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from easyphoto.weights import WeightSource

COMMIT = "0" * 39 + "1"


class Hub(BaseHTTPRequestHandler):
    """One repository with one file, by the addresses of Hugging Face and of ModelScope."""

    protocol_version = "HTTP/1.1"
    source: WeightSource
    content: bytes
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        repo, place = re.escape(self.source.repo), urlsplit(self.path).path
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if place == f"/{self.source.repo}/resolve/{self.source.revision}/{self.source.path}":
            self.send({"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha256(self.content).hexdigest()}"'}, self.content)
        elif re.fullmatch(f"/api/v1/models/{repo}/repo", place) and query["FilePath"] == self.source.path:
            self.send({}, self.content)
        elif re.fullmatch(f"/api/v1/models/{repo}/repo/files", place):
            self.send({"Content-Type": "application/json"}, json.dumps(self.listing()).encode())
        else:
            self.send({}, b"", 404)

    def do_HEAD(self) -> None:
        self.do_GET()

    def listing(self) -> dict[str, Any]:
        digest = hashlib.sha256(self.content).hexdigest()
        one = {"Name": self.source.path, "Path": self.source.path, "Type": "blob", "Size": len(self.content)}
        return {"Code": 200, "Success": True, "Data": {"Files": [{**one, "Sha256": digest, "Revision": COMMIT}]}}

    def send(self, headers: dict[str, str], body: bytes, status: int = 200) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        total, first, last = len(body), 0, len(body)
        if asked and status == 200:
            first, last, status = int(asked[1]), int(asked[2] or total - 1) + 1, 206
            headers = {**headers, "Content-Range": f"bytes {first}-{last - 1}/{total}"}
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(last - first)}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[first:last])

    def log_message(self, *args: object) -> None:
        """Quiet."""


@contextmanager
def hub(source: WeightSource, content: bytes) -> Iterator[tuple[str, list[str]]]:
    """Its address and the paths that were asked for."""
    asked: list[str] = []
    handler = type("Bound", (Hub,), {"source": source, "content": content, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
