from __future__ import annotations

from pathlib import Path

import pytest
from fake_studio import make_person
from fakes import FakeEngine, draw_faces, fake_toolboxes, save

from easyphoto.deletion import delete_person
from easyphoto.domain import PortraitRequest, RenderJob, Template
from easyphoto.errors import BadName, RenderFailed
from easyphoto.paths import Paths
from easyphoto.progress import Progress
from easyphoto.studio import Studio


def test_a_person_is_removed_from_the_engine_before_the_files_are_gone(tmp_path: Path):
    there: list[bool] = []

    class Engine(FakeEngine):
        def forget(self, lora: Path) -> None:
            super().forget(lora)
            there.append(lora.is_file())

    paths, engine = Paths(tmp_path), Engine()
    person = make_person(paths, "Anna")
    lora = person.folder / "person.safetensors"
    lora.write_bytes(b"weights")
    delete_person(person.id, Studio(paths, engine, fake_toolboxes(paths)))  # type: ignore[arg-type]
    assert (engine.forgotten, there) == ([lora], [True])
    assert not person.folder.exists()


def test_a_person_with_a_damaged_manifest_is_removed_as_well(tmp_path: Path):
    paths, engine = Paths(tmp_path), FakeEngine()
    person = make_person(paths, "Anna")
    (person.folder / "person.safetensors").write_bytes(b"weights")
    (person.folder / "manifest.json").write_text("{")
    delete_person(person.id, Studio(paths, engine, fake_toolboxes(paths)))  # type: ignore[arg-type]
    assert engine.forgotten
    assert not person.folder.exists()


def test_what_is_no_id_never_reaches_the_disk(tmp_path: Path):
    (tmp_path / "other.safetensors").write_bytes(b"weights")
    engine = FakeEngine()
    with pytest.raises(BadName):
        delete_person("..", Studio(Paths(tmp_path), engine, fake_toolboxes(Paths(tmp_path))))  # type: ignore[arg-type]
    assert engine.forgotten == []


def test_templates_are_made_at_work_and_the_host_gets_its_own_back_after_a_failure(tmp_path: Path):
    seen: list[bool] = []

    class Engine(FakeEngine):
        def render(self, job: RenderJob, report: Progress):
            seen.append(self.working)
            raise RenderFailed("plain", text="no memory", remedy="")

    paths, engine = Paths(tmp_path), Engine()
    face = save(draw_faces((200, 200), [((100, 100), 60, (200, 120, 100))]), tmp_path / "face.png")
    person = make_person(paths, "Anna")
    person.reference.write_bytes(face.read_bytes())
    request = PortraitRequest(persons=(person.id,))
    batch = Studio(paths, engine, fake_toolboxes(paths)).portrait(request, [Template(face, "face")])  # type: ignore[arg-type]
    assert [type(problem) for problem in batch.failures] == [RenderFailed]
    assert seen == [True]
    assert engine.working is False
