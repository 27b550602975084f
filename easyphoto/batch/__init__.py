"""Many persons in one go: a task a training and a task a portrait, here or on a cluster; none is done twice."""

from easyphoto.batch.executors import EXECUTORS, LOCAL, RAY
from easyphoto.batch.run import BatchRun, run_batch
from easyphoto.batch.task import BatchPerson, BatchTask, PortraitWork, TaskResult, TrainWork, tasks_of
from easyphoto.batch.worker import StudioSettings, Worker

__all__ = [
    "EXECUTORS",
    "LOCAL",
    "RAY",
    "BatchPerson",
    "BatchRun",
    "BatchTask",
    "PortraitWork",
    "StudioSettings",
    "TaskResult",
    "TrainWork",
    "Worker",
    "run_batch",
    "tasks_of",
]
