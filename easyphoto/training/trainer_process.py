"""The trainer as a process in a group of its own, of which nothing outlives the `with` block."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

_log = logging.getLogger(__name__)

HEARTBEAT = 0.5
"""Seconds of silence after which `lines` gives a sign of life, so that a cancel never waits for a slow step."""
GRACE = 1.0
"""Seconds the processes get to end by themselves."""
_END = None  # in the queue of lines: standard output is closed


@contextlib.contextmanager
def running(
    arguments: list[str], sink: IO[bytes], environment: dict[str, str], folder: Path
) -> Iterator[subprocess.Popen[str]]:
    """The process, working in `folder`, in a group of its own; on leaving, nothing of the group lives."""
    group: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    process = subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sink, env=environment, cwd=folder,
        encoding="utf-8", errors="replace", **group,
    )  # fmt: skip
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """Close its standard input, wait a moment, then kill the whole group."""
    if process.stdin:
        with contextlib.suppress(OSError):  # it may be dead already, then its pipe is broken
            process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    if sys.platform == "win32":
        quiet = subprocess.CREATE_NO_WINDOW
        if process.poll() is None:
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], creationflags=quiet, capture_output=True)
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says EPERM of a group of zombies
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()


def lines(process: subprocess.Popen[str]) -> Iterator[str | None]:
    """Lines of standard output until it is closed; None whenever HEARTBEAT passes without one."""
    heard: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_listen, args=(process, heard), name="trainer", daemon=True).start()
    while True:
        try:
            line = heard.get(timeout=HEARTBEAT)
        except queue.Empty:
            yield None
            continue
        if line is _END:
            return
        yield line


def _listen(process: subprocess.Popen[str], heard: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    try:
        for line in process.stdout:
            heard.put(line)
    except ValueError:
        _log.debug("the pipe was closed while we read it")
    heard.put(_END)
