"""Processes that die while they fetch, and two that want the same file."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from file_server import Exchange, serving
from weight_files import SHORT, listed, tensor_bytes

from easyphoto.weights import WeightCatalog, WeightFile, WeightStore
from easyphoto.weights.places import WeightFolders

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="fork and SIGKILL")

CONTENT = tensor_bytes()
PLACES = 10


def store_of(folder: Path, file: WeightFile) -> WeightStore:
    return WeightStore(lambda: WeightCatalog({file.id: file}), WeightFolders(folder, folder), SHORT)


def forked(work: Callable[[], int]) -> int:
    """Its process; the exit code is what `work` gives."""
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        code = work()
    finally:
        os._exit(code)


def code_of(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:This process")  # forked beside the server's thread, and the child only fetches
@pytest.mark.parametrize("known", [True, False])
def test_a_process_killed_at_ten_places_never_leaves_a_bad_file(tmp_path: Path, known: bool):
    children: list[int] = []

    def kill(exchange: Exchange) -> bool:
        """The child has all bytes up to its place, or the last one and no time to check them."""
        if len(children) > PLACES:
            return False
        exchange.whole(upto=len(CONTENT) * len(children) // PLACES)
        exchange.wfile.flush()
        os.kill(children[-1], signal.SIGKILL)
        return True

    with serving(CONTENT, kill) as served:
        store = store_of(tmp_path, listed(CONTENT, served.address, known=known))
        while len(children) < PLACES:
            read, write = os.pipe()  # the server must know the child before the child asks
            child = forked(lambda told=read: (os.read(told, 1), len(store.fetch(store.plan(["net"])).failures))[1])
            children.append(child)
            os.write(write, b".")
            assert code_of(child) == -signal.SIGKILL
            os.close(read)
            os.close(write)
            assert not (tmp_path / "vae" / "net.safetensors").exists()
        children.append(0)
        assert store.fetch(store.plan(["net"])).failures == ()
    assert store.path("net").read_bytes() == CONTENT


@pytest.mark.filterwarnings("ignore:This process")
def test_two_processes_fetch_a_file_once(tmp_path: Path):
    with serving(CONTENT, lambda exchange: not exchange.drip(20_000, 0.01)) as served:
        store = store_of(tmp_path, listed(CONTENT, served.address))
        plan = store.plan(["net"])
        children = [forked(lambda: len(store.fetch(plan).failures)) for _ in range(2)]
        assert [code_of(child) for child in children] == [0, 0]
    assert len(served.requests) == 1
    assert store.path("net").read_bytes() == CONTENT
