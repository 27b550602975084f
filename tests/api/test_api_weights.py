"""Model files over the API: the list with its states, and a download as a job."""

from __future__ import annotations

from pathlib import Path

import pytest
from api_world import world


def test_the_list_and_a_fetch_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EASYPHOTO_OFFLINE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with world(tmp_path) as w:
        files = {one["id"]: one for one in w.get("weights").json()["weights"]}
        assert files["gpen-512"]["state"] == "missing" and not files["gpen-512"]["commercial"]
        assert files["enhancer-built-in"]["state"] == "ready" and files["sd15-tile"]["bytes"] is None
        job = w.post("jobs/weights", {"request": {"names": ["faces-commercial"]}})
        assert job.status_code == 202
        ended = w.ended(job.json())
        assert ended["kind"] == "weights" and ended["error"]["code"] == "weights.offline"
        refused = w.post("jobs/weights", {"request": {"names": ["nothing"]}})
        assert refused.status_code == 422 and refused.json()["code"] == "weights.unknown-group"
        assert w.post("jobs/weights", {"request": {}}).json()["code"] == "weights.no-names"
