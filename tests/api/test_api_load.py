"""Fifty people watch one job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from api_world import PHOTO, world

from easyphoto.api.serializers import Serializer
from easyphoto.api.sse import Feed
from easyphoto.picture_tokens import Pictures

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "status_readers.py"


@pytest.mark.slow
def test_fifty_readers_cost_a_running_job_little():
    """By processor time, since other work on the machine spoils every other clock. The goal is 5 %."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(BENCHMARK), "--json", "--repeats", "1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)
    found = json.loads(done.stdout)
    assert found["watched_serving"] - found["alone_serving"] < 0.10


def test_readers_share_one_reading(tmp_path, monkeypatch):
    with world(tmp_path) as w:
        w.studio.gate, w.studio.steps = threading.Event(), 1
        job = w.post("jobs/check", {"photos": [PHOTO]}).json()["id"]
        while not w.queue.get(job).stage:
            time.sleep(0.01)
        w.studio.pause = 10.0
        feed = Feed(w.queue, Serializer(Pictures(w.studio.paths), w.studio.paths))
        reads: list[str] = []
        real = w.queue.get
        monkeypatch.setattr(w.queue, "get", lambda job_id: reads.append(job_id) or real(job_id))
        answers = {feed.job(job) for _ in range(50)}
        assert len(answers) == len(reads)  # read again only when there was something new
        assert len(reads) < 10
        messages, over = feed.since(job, 0)
        assert (messages[0][0], over) == (1, False)
        assert feed.since(job, messages[-1][0])[0] == []
