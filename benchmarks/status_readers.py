"""How much fifty people who watch a job slow it down.

    python benchmarks/status_readers.py [--readers 50] [--repeats 3]

A portrait-like job (matrix work in this very process, a step every few milliseconds) runs behind
the real server on a real port; readers in a process of their own follow its events and ask for
its state once a second, as an open page does. For comparison the same readers watch an idle job of
another server, so that both runs have the readers' own work on the machine. Prints the seconds of
both and the processor time that serving took; only the latter holds on a machine that is busy
otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import uvicorn
from fastapi import FastAPI
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from easyphoto.api import Access, build_api
from easyphoto.domain import PhotoReport
from easyphoto.jobs import CheckRequest, JobFile, JobQueue, Kind
from easyphoto.paths import Paths
from easyphoto.progress import Progress, Step
from easyphoto.providers import Toolboxes

PORT = 7899
STEPS, SIDE = 500, 640


@dataclass
class Worker:
    """A studio whose only skill is to be busy."""

    paths: Paths
    idle: bool = False
    seconds: float = 0.0
    others: float = 0.0  # share of a core that the rest of the process took

    def check_photos(self, photos: Sequence[object], report: Progress, faces: str) -> tuple[PhotoReport, ...]:
        """Multiplies matrices, which lets go of the GIL, and shows a preview now and then, which does not."""
        matrix = np.random.default_rng(0).standard_normal((SIDE, SIDE)).astype(np.float32)
        preview = Image.new("RGB", (512, 512), "red")
        start, whole, own = time.perf_counter(), time.process_time(), time.thread_time()
        for number in range(STEPS):
            time.sleep(1.0) if self.idle else (matrix @ matrix).sum()
            shown = preview if number % 40 == 0 else None
            report(Step("busy", number + 1, STEPS, figures={"loss": 1 / (number + 1)}, preview=shown))
        self.seconds = time.perf_counter() - start
        self.others = (time.process_time() - whole - (time.thread_time() - own)) / self.seconds
        return ()


@contextmanager
def serving(root: Path, port: int, idle: bool = False) -> Iterator[tuple[Worker, JobQueue]]:
    """The API on that port."""
    worker = Worker(Paths(root), idle)
    toolboxes = Toolboxes(worker.paths)
    studio = SimpleNamespace(paths=worker.paths, check_photos=worker.check_photos, toolboxes=toolboxes)
    queue = JobQueue(worker.paths, studio)  # type: ignore[arg-type]
    app = FastAPI()
    app.mount("/easyphoto", build_api(studio, queue, Access.local()))  # type: ignore[arg-type]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield worker, queue
    finally:
        server.should_exit = True
        thread.join()
        queue.close()


def submitted(worker: Worker, queue: JobQueue) -> str:
    """The id of a new job."""
    picture = worker.paths.root / "picture.png"
    Image.new("RGB", (8, 8)).save(picture)
    return queue.submit(Kind.CHECK, CheckRequest(), [JobFile(picture, "picture.png")]).id


def timed(worker: Worker, queue: JobQueue, readers: int, elsewhere: str = "") -> tuple[float, float]:
    """Seconds of one job while that many watch it, or one `elsewhere`, and the share of a core besides it."""
    job = submitted(worker, queue)
    place = elsewhere or f"http://127.0.0.1:{PORT}/easyphoto/v1/jobs/{job}"
    watching = subprocess.Popen([sys.executable, __file__, "--watch", place, "--readers", str(readers)])
    try:
        list(queue.watch(job))
    finally:
        watching.terminate()
        watching.wait(timeout=60)
    return worker.seconds, worker.others


@contextmanager
def other_server() -> Iterator[str]:
    """The address of an idle job of another process."""
    other = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    try:
        yield other.stdout.readline().strip() if other.stdout else ""
    finally:
        other.terminate()
        other.wait(timeout=60)


def serve() -> None:
    """Be that server until somebody ends us."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), PORT + 1, idle=True) as (worker, queue):
        print(f"http://127.0.0.1:{PORT + 1}/easyphoto/v1/jobs/{submitted(worker, queue)}", flush=True)
        time.sleep(3600)


async def watch(job: str, readers: int) -> None:
    """That many readers of the job at that address, until it is over."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(limits=limits) as client:
        await asyncio.gather(*(_read(client, job) for _ in range(readers)))


async def _read(client: httpx.AsyncClient, job: str) -> None:
    asking = asyncio.create_task(_ask(client, job))
    async with client.stream("GET", f"{job}/events", timeout=None) as stream:
        async for _ in stream.aiter_lines():
            pass
    asking.cancel()


async def _ask(client: httpx.AsyncClient, job: str) -> None:
    while True:
        (await client.get(job, timeout=None)).raise_for_status()
        await asyncio.sleep(1.0)


def measure(readers: int, repeats: int) -> dict[str, float]:
    """Medians while the readers watch another job, and while they watch this one, taken in turns."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder), PORT) as (worker, queue),
        other_server() as idle,
    ):
        timed(worker, queue, 0)
        pairs = [(timed(worker, queue, readers, idle), timed(worker, queue, readers)) for _ in range(repeats)]
    middle = {"alone": 0, "watched": 1}
    found = {f"{name}_seconds": statistics.median(pair[n][0] for pair in pairs) for name, n in middle.items()}
    return found | {f"{name}_serving": statistics.median(pair[n][1] for pair in pairs) for name, n in middle.items()}


def main() -> None:
    """See the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--watch", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve()
    if given.watch:
        asyncio.run(watch(given.watch, given.readers))
        return
    found = measure(given.readers, given.repeats)
    if given.json:
        print(json.dumps(found))
        return
    slower = found["watched_seconds"] / found["alone_seconds"] - 1
    print(f"not watched {found['alone_seconds']:.2f} s, watched {found['watched_seconds']:.2f} s: {slower:+.1%}")
    print(f"share of a core besides the job: {found['alone_serving']:.1%}, watched {found['watched_serving']:.1%}")


if __name__ == "__main__":
    main()
