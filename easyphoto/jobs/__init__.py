"""One queue per device: submit, watch, cancel, survive a restart.

queue = Queue(paths, studio)
job = queue.submit(Kind.TRAIN, request, [JobFile(file, "me.jpg")])
for event in queue.watch(job.id):
    ...
queue.get(job.id).result
queue.close()
"""

from easyphoto.jobs.job import ENDED, CheckRequest, Event, Job, JobFile, Kind, PictureRole, State, WeightsRequest
from easyphoto.jobs.queue import JobQueue

__all__ = [
    "ENDED",
    "CheckRequest",
    "Event",
    "Job",
    "JobFile",
    "JobQueue",
    "Kind",
    "PictureRole",
    "State",
    "WeightsRequest",
]
