"""The program's own server with a visitor in its process, who uploads PHOTO and ends it: visited_server.py PHOTO."""

from __future__ import annotations

import os
import signal
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAGES = ("en/", "zh/", "en/config", "easyphoto/v1/doctor", "easyphoto/v1/forms", "easyphoto/v1/persons")


def visit(address: str, photo: Path) -> None:
    """Every page, and an upload as the page sends it."""
    for page in PAGES:
        urllib.request.urlopen(address + page, timeout=100).close()
    head = b'--mark\r\nContent-Disposition: form-data; name="files"; filename="me.png"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=mark"}
    body = head + photo.read_bytes() + b"\r\n--mark--\r\n"
    urllib.request.urlopen(urllib.request.Request(address + "en/gradio_api/upload", body, kind), timeout=100).close()


def main(photo: str) -> None:
    from easyphoto.api import server
    from easyphoto.cli import app

    serve, failures = server.serve, []

    def visited(tell: Callable[[str], None]) -> Callable[[str], None]:
        def visitor(address: str) -> None:
            try:
                visit(address, Path(photo))
            except Exception as error:
                failures.append(error)
            os.kill(os.getpid(), signal.SIGINT)

        def ready(address: str) -> None:
            tell(address)
            threading.Thread(target=visitor, args=(address,)).start()

        return ready

    def serving(studio: Any, address: Any, tell: Callable[[str], None]) -> None:
        serve(studio, address, visited(tell))

    server.serve = serving
    app.main(["ui", "--port", "0", "--no-browser", "--data", "data"])
    sys.exit(str(failures[0]) if failures else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
