"""Where tasks are carried out: in this process, or on a Ray cluster. A table with one signature."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from easyphoto.batch.task import BatchTask, TaskResult
from easyphoto.batch.worker import failure_result
from easyphoto.errors import BadRequest, EasyPhotoError, MissingPackage
from easyphoto.paths import checkout
from easyphoto.printable import printable
from easyphoto.progress import Progress, silent

Work = Callable[[BatchTask, TaskResult | None, Progress], TaskResult]
"""Does a task; is given the result of the one that it comes after."""
SignOfLife = Callable[[], None]
"""Called at least once a second; what it raises (Cancelled) ends all tasks and passes through."""
Executor = Callable[[Sequence[BatchTask], Work, Progress, SignOfLife, str], Iterator[TaskResult]]
"""Results as they come. Tasks stand behind those that they come after; the text is the address of a cluster."""

LOCAL, RAY = "local", "ray"
RETRIES = 3
"""How often a task is begun anew elsewhere when its process or its machine dies."""
WAIT, PATIENCE = 0.5, 10.0  # seconds


def local(
    tasks: Sequence[BatchTask], work: Work, report: Progress, alive: SignOfLife, address: str
) -> Iterator[TaskResult]:
    """One after the other, in this process."""
    results: dict[str, TaskResult] = {}
    for task in tasks:
        alive()
        results[task.key] = work(task, results.get(task.after), report)
        yield results[task.key]


def on_ray(
    tasks: Sequence[BatchTask], work: Work, report: Progress, alive: SignOfLife, address: str
) -> Iterator[TaskResult]:
    """As many at once as the cluster has processors or, where it has any, GPUs.

    Raises MissingPackage without Ray, BadRequest where no cluster answers at `address`.
    """
    ray = _connected(address)
    try:
        amount = {"num_gpus": 1} if ray.cluster_resources().get("GPU") else {"num_cpus": 1}
        remote = ray.remote(max_retries=RETRIES, **amount)(_silently)
        running: dict[Any, BatchTask] = {}
        begun: dict[str, Any] = {}
        for task in tasks:
            begun[task.key] = remote.remote(work, task, begun.get(task.after))
            running[begun[task.key]] = task
        while running:
            alive()
            done, _ = ray.wait(list(running), timeout=WAIT)
            for one in done:
                yield _result(ray, one, running.pop(one))
    finally:
        ray.shutdown()


def _silently(work: Work, task: BatchTask, before: TaskResult | None) -> TaskResult:
    """In a process of the cluster, whose progress nobody sees."""
    return work(task, before, silent)


def _connected(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as problem:
        raise MissingPackage("package.missing", stage="batch", name="ray") from problem
    try:
        _knock(address)
        # A clone that all machines share is found by its path; an installed package needs none.
        places = os.pathsep.join([str(checkout()), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {"env_vars": {"PYTHONPATH": places}}
        ray.init(address=address, runtime_env=environment, log_to_driver=False, configure_logging=False)
    except (OSError, ValueError, RuntimeError) as problem:
        why = printable(str(problem))
        raise BadRequest("batch.no-cluster", stage="batch", address=address, why=why) from problem
    return ray


def _knock(address: str) -> None:
    """Raises OSError for a HOST:PORT where nobody listens; Ray itself asks again for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()


def _result(ray: Any, reference: Any, task: BatchTask) -> TaskResult:
    """What a task has come to. Its own exceptions pass through, as here; a process that died too often is a failure."""
    try:
        result: TaskResult = ray.get(reference)
    except ray.exceptions.RayTaskError:
        raise
    except ray.exceptions.RayError as problem:
        lost = EasyPhotoError("batch.worker-lost", stage="batch", tries=RETRIES + 1, why=type(problem).__name__)
        return failure_result(task, lost)
    return result


EXECUTORS: Mapping[str, Executor] = MappingProxyType({LOCAL: local, RAY: on_ray})
