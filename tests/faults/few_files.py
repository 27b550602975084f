"""Checks photos with the true face toolbox while fewer and fewer files can be opened: ``python few_files.py PHOTO``.

One line of JSON a try: how many files more than now may be open, the exit code, what was said.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
import tempfile
from collections.abc import Iterator

from easyphoto.cli.app import main


@contextlib.contextmanager
def left_to_open(count: int) -> Iterator[None]:
    """In the block only so many files more can be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    held: list[int] = []
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(count):
            os.close(held.pop())
        yield
    finally:
        for one in held:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def tried(arguments: list[str], more: int) -> dict[str, object]:
    """The command with so many more open files than there are now."""
    out, err = io.StringIO(), io.StringIO()
    with left_to_open(more), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    return {"more": more, "code": code, "said": out.getvalue() + err.getvalue()}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as data:
        arguments = ["train", "--data", data, "--name", "Ann", "--photos", sys.argv[1], "--check", "--json"]
        results = [tried(arguments, 100), *(tried(arguments, more) for more in range(8))]  # the first one imports
    for one in results:
        sys.stdout.write(json.dumps(one) + "\n")
