"""Run by a WebUI at every start, and by ComfyUI-Manager once: looks for what is missing only after a change.

What is looked at is in tools/host_packages.py. As little as can be is imported here, since the WebUI waits.
"""

import hashlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = os.path.join(HERE, "tools", "host_packages.py")
MARK = os.path.join(HERE, ".packages-seen")


def main(arguments: list[str]) -> int:
    """Always 0: the WebUI starts in any case."""
    if marked(seen := state()):
        return 0
    import runpy

    work = runpy.run_path(WORK)
    if work["main"](arguments):
        mark(seen)
    return 0


def state() -> str:
    """One hash of this program, of the WebUI's folder and of its Python, whose folders change with every package."""
    found = [sys.version, sys.executable, os.getcwd(), os.environ.get("COMMANDLINE_ARGS", "")]
    places = (__file__, WORK, *(folder for folder in sys.path if folder.endswith("-packages")))
    found += [f"{path} {os.stat(path).st_mtime_ns}" for path in places if os.path.exists(path)]
    return hashlib.sha256("\n".join(found).encode("utf-8", "surrogatepass")).hexdigest()


def marked(state: str) -> bool:
    """Whether all was there when it was like that."""
    try:
        with open(MARK, encoding="utf-8") as file:
            return file.read() == state
    except OSError:
        return False


def mark(state: str) -> None:
    """Remember it; where the folder is not ours to write into, the next start looks again."""
    try:
        with open(MARK, "w", encoding="utf-8") as file:
            file.write(state)
    except OSError:
        pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
