"""What the tests of the queue share: a training to ask for, waiting for a state."""

from __future__ import annotations

import time

from easyphoto.domain import TrainRequest
from easyphoto.jobs import Job, JobQueue, State

TRAIN = TrainRequest(person="Ann", consent=True)


def until(queue: JobQueue, job: Job, *states: State, seconds: float = 10.0) -> Job:
    end = time.monotonic() + seconds
    while (now := queue.get(job.id)).state not in states:
        assert time.monotonic() < end, f"still {now.state}"
        time.sleep(0.01)
    return now
