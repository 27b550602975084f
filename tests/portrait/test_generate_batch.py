"""Batches: one template fails alone, files are never overwritten, photos are read once."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeEngine, FakeFaces, no_weights
from PIL import Image
from portrait_world import request, template

from easyphoto.domain import ModelFamily, Person, PortraitRequest, Template
from easyphoto.errors import BadRequest, EasyPhotoError
from easyphoto.faces.base import FusionSource
from easyphoto.images import read_infotext
from easyphoto.portrait import batch as batch_module
from easyphoto.portrait.batch import BatchContext, generate_batch
from easyphoto.portrait.generate import Tools, generate
from easyphoto.portrait.subject import Subject
from easyphoto.progress import Cancelled, Step, silent


class _People:
    def __init__(self, *people: Person) -> None:
        self.people = {p.id: p for p in people}

    def open(self, name: str) -> Person:
        return self.people[name]

    def unchanged(self, persons: object) -> AbstractContextManager[None]:
        return nullcontext()


def test_a_bad_template_is_reported_and_the_rest_goes_on(tmp_path: Path, ann: Subject):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"not a picture")
    shown = [Template(broken, "broken.jpg"), template(tmp_path, ((450, 350), 160))]
    tools = Tools(FakeEngine(), FakeFaces(), no_weights)
    handed: list[object] = []
    context = BatchContext(tools, _People(ann.person), tmp_path / "out", handed.append)  # type: ignore[arg-type]
    batch = generate_batch(request("ann"), shown, context, silent)
    assert handed == [*batch.failures, *batch.portraits]
    assert [f.file for f in batch.failures] == ["broken.jpg"]
    assert [p.template for p in batch.portraits] == ["template.png"]
    saved = batch.portraits[0].file
    assert saved is not None
    assert "Seed: 7" in read_infotext(saved)
    assert b"trainedAlgorithmicMedia" in saved.read_bytes()


@pytest.mark.parametrize("family", [ModelFamily.SD15, ModelFamily.SDXL])
def test_a_person_without_a_lora_is_refused_where_the_base_model_needs_one(
    tmp_path: Path, ann: Subject, family: ModelFamily
):
    engine, shown = FakeEngine(family), [template(tmp_path, ((450, 350), 160))]
    bare = replace(ann.person, lora=None)
    context = BatchContext(Tools(engine, FakeFaces(), no_weights), _People(bare), tmp_path / "out")  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="Ann has no LoRA") as caught:
        generate_batch(PortraitRequest(persons=("ann",)), shown, context, silent)
    assert "Train the person on this base model" in caught.value.remedy
    assert engine.jobs == []
    batch = generate_batch(PortraitRequest(persons=("ann",), lora_weight=0.0), shown, context, silent)
    assert len(batch.portraits) == 1 and engine.jobs[0].loras == ()


def test_finished_pictures_are_never_overwritten(tmp_path: Path, ann: Subject):
    tools, shown = Tools(FakeEngine(), FakeFaces(), no_weights), [template(tmp_path, ((450, 350), 160))]
    context = BatchContext(tools, _People(ann.person), tmp_path / "out")  # type: ignore[arg-type]
    files = [generate_batch(request("ann"), shown, context, silent).portraits[0].file for _ in range(2)]
    assert files[0] != files[1]


def test_cancelling_passes_through(tmp_path: Path, ann: Subject):
    def stop(step: Step) -> None:
        if step.stage == "render":
            raise Cancelled

    shown = template(tmp_path, ((450, 350), 160))
    with pytest.raises(Cancelled):
        generate(request("ann"), shown, {"ann": ann}, Tools(FakeEngine(), FakeFaces(), no_weights), stop)


def test_a_portrait_that_cannot_be_saved_fails_alone(tmp_path: Path, ann: Subject, monkeypatch: pytest.MonkeyPatch):
    real, saved = batch_module.save_picture, list[Path]()

    def full_at_first(picture: Image.Image, file: Path, text: str) -> None:
        saved.append(file)
        if len(saved) == 1:
            raise OSError(28, "No space left on device")
        real(picture, file, text)

    monkeypatch.setattr(batch_module, "save_picture", full_at_first)
    shown = [template(tmp_path, ((450, 350), 160))] * 2
    context = BatchContext(Tools(FakeEngine(), FakeFaces(), no_weights), _People(ann.person), tmp_path / "out")  # type: ignore[arg-type]
    batch = generate_batch(request("ann"), shown, context, silent)
    assert len(batch.portraits) == 1
    assert batch.failures[0].code == "system.disk-full"


class EnhancingFaces(FakeFaces):
    """Counts how often a photo is enhanced."""

    def __init__(self) -> None:
        self.enhanced = 0

    def enhance(self, photo: FusionSource) -> FusionSource:
        self.enhanced += 1
        return photo


@pytest.mark.parametrize(("wanted", "times"), [(True, 1), (False, 0)])
def test_a_photo_in_use_is_enhanced_once_for_all_templates(tmp_path: Path, ann: Subject, wanted: bool, times: int):
    faces, stages = EnhancingFaces(), []
    request = PortraitRequest(persons=("ann",), first_denoising_strength=0, second_pass=False, enhance_photos=wanted)
    for _ in range(2):
        generate(
            request,
            template(tmp_path, ((400, 300), 160)),
            {"ann": ann},
            Tools(FakeEngine(), faces, no_weights),
            lambda step: stages.append(step.stage),
        )
    assert faces.enhanced == times
    assert stages.count("enhance photos") == times


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_rendered(tmp_path: Path, ann: Subject):
    engine, occupied = FakeEngine(), tmp_path / "out"
    occupied.write_bytes(b"a file")
    context = BatchContext(Tools(engine, FakeFaces(), no_weights), _People(ann.person), occupied / "below")  # type: ignore[arg-type]
    with pytest.raises(EasyPhotoError) as caught:
        generate_batch(request("ann"), [template(tmp_path, ((450, 350), 160))], context, silent)
    assert caught.value.code == "system.in-the-way" and str(occupied) in caught.value.file
    assert engine.jobs == []


@pytest.mark.parametrize("name", ["x" * 250 + ".png", "照" * 84 + ".png"])
def test_names_are_shortened_by_bytes_and_keep_the_seed(tmp_path: Path, ann: Subject, name: str):
    shown = replace(template(tmp_path, ((450, 350), 160)), name=name)
    context = BatchContext(Tools(FakeEngine(), FakeFaces(), no_weights), _People(ann.person), tmp_path / "out")  # type: ignore[arg-type]
    for _ in range(2):
        (portrait,) = generate_batch(request("ann"), [shown], context, silent).portraits
    assert portrait.file is not None and portrait.file.is_file()
    assert portrait.file.stem.endswith("-7-2") and portrait.file.stem.startswith(name[:40])


def test_variations_are_portraits_with_seeds_of_their_own(tmp_path: Path, ann: Subject):
    tools, steps = Tools(FakeEngine(), FakeFaces(), no_weights), []
    context = BatchContext(tools, _People(ann.person), tmp_path / "out")  # type: ignore[arg-type]
    shown = [template(tmp_path, ((450, 350), 160))]
    asked = request("ann", variations=3, best_of=2)
    batch = generate_batch(asked, shown, context, steps.append)
    assert len(batch.portraits) == 3
    assert [(one.seed - 7) // 2 for one in batch.portraits] == [0, 1, 2]  # two seeds are tried for each
    assert len({one.seed for one in batch.portraits}) == len({one.file for one in batch.portraits}) == 3
    assert [(one.done, one.total) for one in steps if one.stage == "portrait"] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    first = batch.portraits[1]
    assert first.file is not None and "EasyPhoto variations: 1" in read_infotext(first.file)  # asked again, it is this


def test_turns_try_no_seed_twice():
    one, two = Template(Path("a.png"), "a"), Template(Path("b.png"), "b")
    plain, turns = PortraitRequest(seed=2**32 - 3, variations=2, best_of=4).in_turns([one, two])
    assert [(each.name, each.turn) for each in turns] == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert [plain.first_seed(each) for each in turns] == [2**32 - 3, 1] * 2
    assert plain.in_turns(turns) == (plain, turns)  # what is left of a job is not multiplied again
    assert PortraitRequest(seed=-1).first_seed(turns[1]) == -1
