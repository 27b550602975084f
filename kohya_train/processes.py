"""One process a GPU: this one leads, the others are spawned, and none outlives it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import socket
import threading
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from kohya_train.contract import TrainConfig, TrainerError, TrainerEvent, failed
from kohya_train.loop import train
from kohya_train.run import Report, StageError

_log = logging.getLogger(__name__)

WORKER_DIED = 4


class WorkerDied(TrainerError):
    """A process of the group ended by itself."""


class NoBackend(TrainerError):
    """This torch has no way for GPUs to talk to each other, as on Windows."""


def train_everywhere(config: TrainConfig, report: Report) -> None:
    """Train in as many processes as the config asks for; only this one reports. Raises as `loop.train`."""
    count = config.processes or _gpus() or 1
    if count == 1:
        train(config, report)
        return
    _check_backend()
    port = free_port()
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_work, args=(config, rank, count, port), daemon=True) for rank in range(1, count)]
    for worker in workers:
        worker.start()
    threading.Thread(target=_watch, args=(workers, report), name="workers", daemon=True).start()
    try:
        _enter_group(0, count, port)
        train(config, report)
    finally:
        for worker in workers:
            worker.join(timeout=5)
            worker.kill()


def _check_backend() -> None:
    import torch.distributed

    if _gpus() and not torch.distributed.is_nccl_available():
        raise StageError("load") from NoBackend("no-nccl")


def free_port() -> int:
    """A TCP port that nobody listens on at the moment, so that two trainings never meet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()


def _enter_group(rank: int, count: int, port: int) -> None:
    # accelerate and torch.distributed take their place from the environment; this process is ours alone.
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in place.items()})
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    if not _gpus():
        os.environ["ACCELERATE_USE_CPU"] = "true"


def _work(config: TrainConfig, rank: int, count: int, port: int) -> None:
    """Entry point of a worker process."""
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s worker {rank} %(name)s %(message)s")
    threading.Thread(target=_stop_with_leader, name="leader-watch", daemon=True).start()
    _enter_group(rank, count, port)
    train(config, _say_nothing)


def _say_nothing(event: TrainerEvent) -> None:
    _log.debug("%s", event)


def _stop_with_leader() -> None:
    leader = multiprocessing.parent_process()
    if leader is not None:
        wait([leader.sentinel])
    os._exit(WORKER_DIED)


def _watch(workers: list[BaseProcess], report: Report) -> None:
    """End this process when a worker fails: it would wait for the dead one for ever."""
    while wait([worker.sentinel for worker in workers if worker.is_alive()] or [], timeout=1.0) or workers:
        for worker in workers:
            if worker.exitcode not in (None, 0):
                report(failed("train", WorkerDied("worker-died", code=worker.exitcode)))
                os._exit(WORKER_DIED)
        if all(worker.exitcode == 0 for worker in workers):
            return
