"""A server for browser tests: play_server.py FOLDER PORT [PAUSE] [STEPS]. Imports of torch end it."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE.parent), str(HERE)]


def main(folder: str, port: str, pause: str = "0.02", steps: str = "10") -> None:
    from ui_world import PageStudio, paths_in

    from easyphoto.api.server import Address, serve

    studio = PageStudio(paths_in(Path(folder)), steps=int(steps), pause=float(pause))
    serve(studio, Address(port=int(port)), lambda url: sys.stdout.write(f"{url}\n"))  # type: ignore[arg-type]


if __name__ == "__main__":
    main(*sys.argv[1:])
