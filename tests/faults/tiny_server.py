"""The true server with tiny models: ``python tiny_server.py ROOT MODELS BASE OPEN_FILES``; it says its address."""

from __future__ import annotations

import logging
import resource
import sys
from pathlib import Path

from tiny_cli import studio

from easyphoto.api.server import Address, serve


def _say(address: str) -> None:
    sys.stdout.write(address + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    root, models, base = map(Path, sys.argv[1:4])
    files = int(sys.argv[4])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    serve(studio(root, models, base), Address(port=0), _say)
