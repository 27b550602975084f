"""Failures of ours as ComfyUI shows its own: a text in the red frame of the node, or the node refused beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from easyphoto.comfyui.runtime import language
from easyphoto.errors import EasyPhotoError
from easyphoto.printable import printable
from easyphoto.progress import Cancelled
from easyphoto.system_errors import failure_of


class NodeFailed(Exception):
    """What ComfyUI shows: what happened, what to do, and the code."""


@contextmanager
def shown_by_host() -> Iterator[None]:
    """Inside it failures become `NodeFailed`, and cancelling the host's own interruption."""
    try:
        yield
    except Cancelled as cancelled:
        raise _interruption() from cancelled
    except Exception as problem:  # as far as it can be told; else the host shows it with its traceback
        failure = failure_of(problem, [], "node")
        if failure is None:
            raise
        raise NodeFailed(told(failure)) from problem


def validated(check: Callable[[], None]) -> bool | str:
    """What `validate_inputs` answers: True, or why the node is refused before anything is executed."""
    try:
        check()
    except EasyPhotoError as failure:
        return told(failure)
    return True


def told(failure: EasyPhotoError) -> str:
    """Problem and file, remedy, code; a line each."""
    problem, remedy = (one.text(language()) for one in failure.messages())
    where = f" [{failure.file}]" if failure.file else ""
    lines = (f"{problem}{where}", remedy, f"({failure.code})")
    return "\n".join(printable(line) for line in lines if line)


def _interruption() -> Exception:
    import comfy.model_management as management

    interruption: Exception = management.InterruptProcessingException()
    return interruption
