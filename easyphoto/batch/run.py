"""A whole batch: one owner of its folder, every task by an executor, progress by tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from filelock import FileLock, Timeout

from easyphoto.batch.executors import EXECUTORS
from easyphoto.batch.records import Records
from easyphoto.batch.task import BatchTask, TaskResult
from easyphoto.batch.worker import Worker
from easyphoto.errors import Busy
from easyphoto.private_files import make_private
from easyphoto.progress import Progress, Step
from easyphoto.stages import Stage


@dataclass(frozen=True)
class BatchRun:
    """Tasks in the plan's order with what has become of them."""

    results: tuple[tuple[BatchTask, TaskResult], ...]

    @property
    def failures(self) -> tuple[tuple[BatchTask, TaskResult], ...]:
        """Those that are not done."""
        return tuple((task, result) for task, result in self.results if result.failure)


def run_batch(
    tasks: Sequence[BatchTask], worker: Worker, report: Progress, executor: str, address: str = ""
) -> BatchRun:
    """Carry out every task that is not done yet.

    A task that fails takes those that come after it along, and no others. Raises Busy while another batch writes into
    the same folder, and what the executor raises.
    """
    place = Records(worker.out).folder
    make_private(place)
    lock = FileLock(place / "lock", timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise Busy("batch.running", stage="batch", folder=str(worker.out)) from None
    try:
        results: dict[str, TaskResult] = {}

        def alive() -> None:
            report(Step(Stage.BATCH, len(results), len(tasks)))

        for result in EXECUTORS[executor](tasks, worker, report, alive, address):
            results[result.key] = result
        alive()
    finally:
        lock.release()
    return BatchRun(tuple((task, results[task.key]) for task in tasks))
