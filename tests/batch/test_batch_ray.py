"""A batch on a Ray cluster of this machine; runs where Ray is installed."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from counted_work import CountedWork

from easyphoto.batch import EXECUTORS, RAY, BatchTask, TrainWork
from easyphoto.domain import TrainRequest
from easyphoto.errors import BadRequest, MissingPackage
from easyphoto.progress import silent

WORK = TrainWork(TrainRequest(person="Mei"), ())


def test_without_ray_its_package_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackage):
        list(EXECUTORS[RAY]([], CountedWork(Path()), silent, lambda: None, "auto"))


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head that works on nothing, and two machines of one processor each."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    made.workers = [made.add_node(num_cpus=1) for _ in range(2)]
    made.wait_for_nodes()
    yield made
    made.shutdown()


@pytest.mark.slow
def test_what_a_lost_machine_had_begun_is_done_by_the_other(cluster: Any, tmp_path: Path):
    training = [BatchTask(f"train{number}", "Mei", WORK) for number in range(2)]
    portraits = [BatchTask(f"portrait{number}", "Mei", WORK, f"train{number % 2}") for number in range(4)]
    work, lost = CountedWork(tmp_path), []

    def lose_a_machine() -> None:
        if not lost and len(list(tmp_path.iterdir())) >= 3:  # the portraits have begun
            lost.append(time.monotonic())
            cluster.remove_node(cluster.workers[0], allow_graceful=False)

    results = list(EXECUTORS[RAY]([*training, *portraits], work, silent, lose_a_machine, cluster.address))
    assert lost
    assert sorted(result.key for result in results) == sorted(task.key for task in (*training, *portraits))
    assert all(result.file == f"{result.key}.png" and not result.failure for result in results)
    tries = {task.key: work.tries(task.key) for task in (*training, *portraits)}
    assert max(map(len, tries.values())) == 2  # the one that was under way
    assert min(map(len, tries.values())) == 1


@pytest.mark.slow
def test_an_address_without_a_cluster_is_named():
    pytest.importorskip("ray")
    with pytest.raises(BadRequest) as caught:
        list(EXECUTORS[RAY]([], CountedWork(Path()), silent, lambda: None, "127.0.0.1:1"))
    assert caught.value.params["address"] == "127.0.0.1:1"
