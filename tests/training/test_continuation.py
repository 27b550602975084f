"""A training that goes on from a finished person."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEngine, FakeFaces, draw_faces, save
from lora_files import write_lora

from easyphoto.domain import Checkpoint, LoraCheckpoint, ModelFamily, Photo, TrainingSet, TrainRequest
from easyphoto.errors import BadRequest
from easyphoto.library import Library, PersonDraft
from easyphoto.paths import Paths
from easyphoto.progress import Cancelled, Progress, silent
from easyphoto.training import train as module
from easyphoto.training.continuation import continued, finished_person, with_lora_before
from easyphoto.training.launch import TrainerJob, TrainingRun, ValidationImage, build_config
from easyphoto.training.select import ScoredImage, vote_shares
from easyphoto.training.train import TrainingContext, train

MODULES = {"lora_unet_x": (np.zeros((8, 4), np.float16), np.zeros((4, 8), np.float16))}
FACTS = {"ss_base_model_version": "easyphoto_builtin"}
BASE = Checkpoint("built-in", ModelFamily.BUILTIN, Path("base"))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Ann has a LoRA of rank 4, Bo has none."""
    library = Library(Paths(tmp_path / "home", tmp_path / "models"))
    folder = tmp_path / "set"
    folder.mkdir()
    picture = save(draw_faces((300, 300), [((150, 150), 120, (190, 110, 90))]), folder / "reference.png")
    training_set = TrainingSet(folder, (picture,), "", picture, (), np.zeros((1, 3), np.float32), (), (picture,))
    lora = LoraCheckpoint(
        write_lora(tmp_path / "ann.safetensors", MODULES, alpha=2, **FACTS), ModelFamily.BUILTIN, 4, 10
    )
    library.create(PersonDraft("Ann", training_set, lora, base_model="built-in", recognizer="fake"))
    library.create(PersonDraft("Bo", training_set, None, base_model="built-in", recognizer="fake"))
    return library


def asked(name: str, **changes) -> TrainRequest:
    return TrainRequest(person="Ann 2", consent=True, continue_from=name, **changes)


def test_lora_and_photos_are_gone_on_from(library: Library, photos: list[Photo]):
    for name in ("ann", "Ann"):
        person = finished_person(asked(name), BASE, library)
        assert person is not None and person.id == "ann"
    request, all_photos = continued(asked("ann", rank=64, alpha=32), photos, person)
    assert (request.rank, request.alpha) == (4, 4)
    assert all_photos[:3] == tuple(photos) and [one.file for one in all_photos[3:]] == list(person.photos)
    assert finished_person(asked(""), BASE, library) is None
    assert continued(asked(""), photos, None) == (asked(""), tuple(photos))


def test_who_has_no_lora_of_that_family_cannot_be_gone_on_from(library: Library):
    for name in ("Bo", "nobody"):
        with pytest.raises(BadRequest, match="no LoRA of"):
            finished_person(asked(name), BASE, library)
    with pytest.raises(BadRequest, match="no LoRA of"):
        finished_person(asked("Ann", train_lora=False), BASE, library)
    with pytest.raises(BadRequest, match="another family"):
        finished_person(asked("Ann"), replace(BASE, family=ModelFamily.SD15), library)
    with pytest.raises(BadRequest, match="begin with a LoRA"):
        finished_person(asked("Ann"), replace(BASE, family=ModelFamily.EXPERIMENTAL), library)


def test_the_trainer_is_given_the_lora(
    library: Library, photos: list[Photo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    jobs: list[TrainerJob] = []

    def note(job: TrainerJob, report: Progress) -> None:
        jobs.append(job)
        raise Cancelled

    monkeypatch.setattr(module, "launch", note)
    paths = Paths(tmp_path / "home", tmp_path / "models")
    context = TrainingContext(paths, FakeEngine(), FakeFaces(), library)
    with pytest.raises(Cancelled):
        train(asked("Ann", train_lora=True, validation=False), photos[:1], context, silent)
    person = library.open("ann")
    assert person.lora is not None
    assert jobs[0].lora == person.lora.file and jobs[0].request.rank == 4
    config = build_config(replace(jobs[0], base=BASE))
    assert config.network_weights == str(person.lora.file.resolve())
    assert len(jobs[0].training_set.reports) == 2


def test_what_goes_on_trains_a_lora_where_the_family_would_not():
    assert not TrainRequest.for_family(ModelFamily.BUILTIN).train_lora
    assert TrainRequest.for_family(ModelFamily.BUILTIN, continue_from="Ann").train_lora


def test_where_the_training_brings_nothing_the_vote_keeps_the_lora_before(library: Library, tmp_path: Path):
    person = library.open("ann")
    assert person.lora is not None
    worse = LoraCheckpoint(
        write_lora(tmp_path / "worse.safetensors", MODULES, alpha=1, **FACTS), person.lora.family, 4, 10
    )
    run = TrainingRun((worse,), (), (), 0.0, tmp_path / "log")
    assert with_lora_before(run, None) is run
    both = with_lora_before(run, person.lora)
    assert [one.step for one in both.checkpoints] == [0, 10]
    seen = [ScoredImage(ValidationImage(step, 0, tmp_path), distance) for step, distance in ((0, 0.3), (10, 0.9))]
    assert vote_shares(seen, {one.step for one in both.checkpoints}, voters=1) == {0: 1.0}
