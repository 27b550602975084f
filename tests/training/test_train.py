import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEngine, FakeFaces, draw_faces, save

from easyphoto.domain import Box, Checkpoint, ModelFamily, Photo, TrainingSet, TrainRequest
from easyphoto.errors import AlreadyThere, BadModel, BadName, BadRequest, MissingModel, MissingPackage
from easyphoto.library import Library, PersonDraft
from easyphoto.paths import Paths
from easyphoto.progress import Cancelled, Progress, silent
from easyphoto.training import train as module
from easyphoto.training.interpreter import Interpreter
from easyphoto.training.launch import TrainerJob
from easyphoto.training.train import FIRST_LAYER, TrainingContext, preflight, train
from easyphoto.training.validation_templates import validation_templates


@pytest.fixture
def context(tmp_path: Path) -> TrainingContext:
    paths = Paths(tmp_path / "数据 home", tmp_path / "models")
    return TrainingContext(paths, FakeEngine(), FakeFaces(), Library(paths))


def request(**changes) -> TrainRequest:
    return TrainRequest.for_family(
        ModelFamily.BUILTIN, **{"person": "Ann", "consent": True, "train_lora": True, **changes}
    )


def without_trainer(report: Progress) -> Interpreter:
    pytest.fail("the trainer was made ready")


def settle(context: TrainingContext, folder: Path) -> None:
    """Put a person named Ann in the library."""
    folder.mkdir()
    picture = save(draw_faces((300, 300), [((150, 150), 120, (190, 110, 90))]), folder / "reference.png")
    training_set = TrainingSet(folder, (picture,), "", picture, (), np.zeros((1, 3), np.float32), (), (picture,))
    context.library.create(PersonDraft("Ann", training_set, None, base_model="built-in", recognizer="fake"))


def test_without_consent_nothing_begins(context: TrainingContext, photos: list[Photo]):
    with pytest.raises(BadRequest, match="consent"):
        train(request(consent=False), photos, context, silent)
    assert not context.paths.jobs.exists()


def test_a_name_that_is_taken_is_refused_before_the_long_run(context: TrainingContext, tmp_path: Path):
    settle(context, tmp_path / "set")
    with pytest.raises(AlreadyThere, match="Ann"):
        preflight(request(), context)


def test_an_unknown_base_model_is_refused_before_the_long_run(context: TrainingContext):
    with pytest.raises(MissingModel):
        preflight(request(base_model="nobody's"), context)


def test_the_built_in_model_trains_no_lora_unless_it_is_asked_to(context: TrainingContext, photos: list[Photo]):
    wanted = TrainRequest.for_family(ModelFamily.BUILTIN, person="Ann", consent=True)
    done = train(wanted, photos, replace(context, trainer=without_trainer), silent)
    person = context.library.open("ann")
    assert done.person == person and person.lora is None and person.face_id is None
    assert len(person.photos) == sum(report.trained for report in done.reports) > 0
    assert person.base_model == "built-in"
    assert (done.losses, done.distance_by_step, done.votes) == ((), {}, {})
    assert "No LoRA was trained" in str(done.notes[0])
    assert person.report is not None
    facts = json.loads(person.report.read_text(encoding="utf-8"))
    assert facts["notes"] == [note.as_json() for note in done.notes] and facts["settings"]["train_lora"] is False
    assert not (context.paths.jobs / "train-ann").exists()


def test_the_report_without_a_lora_holds_reasons_and_warnings_as_codes(context: TrainingContext, photos: list[Photo]):
    """One photo alone is warned of, and a second copy of it is dropped with a reason."""
    copy = photos[0].file.with_name("copy.png")
    copy.write_bytes(photos[0].file.read_bytes())
    given = [photos[0], Photo(copy, "copy.png")]
    done = train(request(train_lora=False), given, replace(context, trainer=without_trainer), silent)
    assert done.person.report is not None
    facts = json.loads(done.person.report.read_text(encoding="utf-8"))
    assert facts["warnings"] and all(one["code"] for one in facts["warnings"])
    assert any(reason["code"] for photo in facts["photos"] for reason in photo["reasons"])


@pytest.mark.parametrize("family", [ModelFamily.SD15, ModelFamily.SDXL])
def test_a_base_model_that_needs_a_lora_is_not_asked_to_do_without(
    context: TrainingContext, photos: list[Photo], monkeypatch: pytest.MonkeyPatch, family: ModelFamily
):
    assert TrainRequest.for_family(family).train_lora
    monkeypatch.setattr(context.engine, "checkpoint", lambda wanted: Checkpoint("Foto", family, None))
    with pytest.raises(BadRequest, match="Foto needs a LoRA") as caught:
        train(request(train_lora=False), photos, replace(context, trainer=without_trainer), silent)
    assert caught.value.remedy


def test_the_trainer_is_made_ready_after_the_checks_and_before_the_device_is_taken(
    context: TrainingContext, photos: list[Photo]
):
    asked: list[bool] = []

    def offline(report: Progress) -> Interpreter:
        asked.append(context.engine.is_released)
        raise MissingPackage("plain", text="There is no connection.", remedy="")

    context = replace(context, trainer=offline)
    with pytest.raises(BadRequest):
        train(request(consent=False), photos, context, silent)
    assert asked == []
    with pytest.raises(MissingPackage):
        train(request(), photos, context, silent)
    assert asked == [False]
    assert not context.engine.is_released


def test_the_trainer_runs_in_the_python_that_was_given(
    context: TrainingContext, photos: list[Photo], monkeypatch: pytest.MonkeyPatch
):
    given = Interpreter(Path("a python"), (Path("packages"),), private=True)
    trained: list[TrainerJob] = []

    def stop(job: TrainerJob, report: Progress) -> None:
        trained.append(job)
        raise Cancelled

    monkeypatch.setattr(module, "launch", stop)
    with pytest.raises(Cancelled):
        train(request(validation=False), photos, replace(context, trainer=lambda report: given), silent)
    assert trained[0].interpreter == given
    assert context.engine.is_released


@pytest.mark.parametrize(("name", "word"), [("host.ckpt", "safetensors"), ("painting.safetensors", "inpainting")])
def test_a_file_no_training_can_begin_with_is_refused_before_the_long_run(
    context: TrainingContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, word: str
):
    from safetensors.numpy import save_file

    file = tmp_path / name
    save_file({FIRST_LAYER: np.zeros((8, 9, 3, 3), np.float32)}, file)
    monkeypatch.setattr(context.engine, "checkpoint", lambda wanted: Checkpoint(wanted, ModelFamily.SD15, file))
    with pytest.raises(BadModel, match=word):
        preflight(request(), context)
    save_file({FIRST_LAYER: np.zeros((8, 4, 3, 3), np.float32)}, file.with_suffix(".safetensors"))
    host = file.with_suffix(".safetensors")
    monkeypatch.setattr(context.engine, "checkpoint", lambda wanted: Checkpoint(wanted, ModelFamily.SD15, host))
    assert preflight(request(), context).name == request().base_model


@pytest.mark.parametrize("name", ["", "   ", "x" * 300])
def test_names_that_cannot_be_kept_are_refused(context: TrainingContext, name: str):
    with pytest.raises((BadName, BadRequest)):
        preflight(request(person=name), context)


def test_steps_are_counted_on_the_photos_that_are_used():
    assert TrainRequest().steps_for(5) == 800
    assert TrainRequest().steps_for(3) == 600


def test_trial_templates_keep_their_own_shapes_and_mark_the_face(context: TrainingContext, tmp_path: Path):
    shipped = context.paths.shipped_templates
    shipped.mkdir(parents=True)
    save(draw_faces((600, 900), [((300, 400), 200, (200, 130, 110))]), shipped / "1.png")
    save(draw_faces((800, 700), [((400, 300), 200, (200, 130, 110))]), shipped / "2.png")
    save(draw_faces((300, 300), []), shipped / "empty.png")
    save(draw_faces((800, 700), [((400, 300), 200, (200, 130, 110))]), shipped / "profile.png")
    entry = '["{}"]\ntitle={{en="T", zh="T"}}\ntags=[]\npeople=1\nvalidation={}\nsource="s"\nlicense="l"\nchanges="c"\n'
    uses = {"1.png": "true", "2.png": "true", "empty.png": "true", "profile.png": "false"}
    catalog = "".join(entry.format(name, use) for name, use in uses.items())
    (shipped / "templates.toml").write_text(catalog, encoding="utf-8")
    made = validation_templates(context.paths, context.faces, tmp_path / "validation_images", 256)
    from PIL import Image

    sizes = [Image.open(t.picture).size for t in made]
    assert sizes == [(256, 384), (256, 256)]
    for trial in made:
        picture, mask = np.asarray(Image.open(trial.picture)), np.asarray(Image.open(trial.mask))
        face = context.faces.detect(picture)[0].box
        assert mask.shape == picture.shape[:2]
        inside = Box(*np.argwhere(mask.T).min(axis=0), *np.argwhere(mask.T).max(axis=0) + 1)
        assert inside.width == pytest.approx(1.3 * face.width, abs=3)
