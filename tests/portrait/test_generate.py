from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEngine, FakeFaces, draw_faces, save
from PIL import Image

from easyphoto.domain import KEEP, HintKind, LoraCheckpoint, ModelFamily, Person, PortraitRequest, Template
from easyphoto.errors import BadRequest, EasyPhotoError, NoFace
from easyphoto.faces.base import FusionSource
from easyphoto.faces.skin_locus import lab_to_lch
from easyphoto.images import read_infotext, rgb_to_lab
from easyphoto.portrait import batch as batch_module
from easyphoto.portrait.batch import BatchContext, generate_batch
from easyphoto.portrait.generate import Tools, generate
from easyphoto.portrait.subject import Subject, open_subject
from easyphoto.progress import Cancelled, Step, silent

TAN, PALE, DARK = (190, 110, 90), (235, 190, 170), (120, 60, 40)


def person(folder: Path, name: str, color: tuple[int, int, int]) -> Person:
    folder = folder / name
    folder.mkdir()
    photo = save(draw_faces((300, 300), [((150, 150), 120, color)]), folder / "0.png")
    lora = LoraCheckpoint(folder / "person.safetensors", ModelFamily.BUILTIN, 4, 10)
    return Person(name, name.title(), folder, lora, photo, None, (photo,))


@pytest.fixture
def ann(tmp_path: Path) -> Subject:
    return open_subject(person(tmp_path, "ann", TAN), FakeFaces())


@pytest.fixture
def bob(tmp_path: Path) -> Subject:
    return open_subject(person(tmp_path, "bob", DARK), FakeFaces())


def template(folder: Path, *faces: tuple[tuple[int, int], int]) -> Template:
    file = save(draw_faces((900, 700), [(center, width, PALE) for center, width in faces]), folder / "template.png")
    return Template(file, "template.png")


def make(request: PortraitRequest, shown: Template, *people: Subject, engine: FakeEngine | None = None):
    tools = Tools(engine or FakeEngine(), FakeFaces())
    return generate(request, shown, {s.person.id: s for s in people}, tools, silent)


PAINTED = {"first_denoising_strength": 0.1, "fusion_after": True, "second_pass": True}
"""The built-in model's passes, which are off unless they are asked for."""


def request(*persons: str, **changes) -> PortraitRequest:
    return PortraitRequest.for_family(ModelFamily.BUILTIN, persons=persons, seed=7, **{**PAINTED, **changes})


def test_the_face_becomes_the_persons(tmp_path: Path, ann: Subject):
    portrait = make(request("ann", color_first=False, color_last=False), template(tmp_path, ((450, 350), 160)), ann)
    score = portrait.scores[0]
    assert score.person == "ann"
    assert score.after < 0.2 < 0.6 < score.before


def test_pixels_away_from_the_face_are_the_templates_own(tmp_path: Path, ann: Subject):
    shown = template(tmp_path, ((450, 350), 160))
    result, before = np.asarray(make(request("ann"), shown, ann).picture), np.asarray(Image.open(shown.file))
    y, x = np.ogrid[:700, :900]
    far = ((x - 450) / 160) ** 2 + ((y - 350) / 180) ** 2 > 1
    assert (result[far] == before[far]).all()
    assert (result[~far] != before[~far]).any()


@pytest.mark.parametrize("width", [60, 170, 600])
def test_faces_of_every_size_are_painted(tmp_path: Path, ann: Subject, width: int):
    portrait = make(request("ann", color_first=False, color_last=False), template(tmp_path, ((450, 350), width)), ann)
    assert portrait.scores[0].after < 0.4


def test_the_same_request_gives_the_same_bytes(tmp_path: Path, ann: Subject):
    shown = template(tmp_path, ((450, 350), 160))
    first, second = (make(request("ann"), shown, ann) for _ in range(2))
    assert first.picture.tobytes() == second.picture.tobytes()
    assert first.infotext == second.infotext


def test_each_face_gets_the_person_it_was_given_and_kept_ones_stay(tmp_path: Path, ann: Subject, bob: Subject):
    shown = template(tmp_path, ((150, 350), 120), ((450, 350), 120), ((750, 350), 120))
    plain = {"color_first": False, "color_last": False}
    portrait = make(request("bob", KEEP, "ann", **plain), shown, ann, bob)
    assert [s.person for s in portrait.scores] == ["bob", "ann"]
    assert all(s.after < 0.2 for s in portrait.scores)
    kept, before = np.asarray(portrait.picture), np.asarray(Image.open(shown.file))
    middle = np.s_[280:420, 400:500]
    assert (kept[middle] == before[middle]).all()


def test_a_close_neighbour_is_not_painted_over(tmp_path: Path, ann: Subject):
    shown = template(tmp_path, ((400, 350), 140), ((550, 350), 140))
    result, before = np.asarray(make(request("ann"), shown, ann).picture), np.asarray(Image.open(shown.file))
    y, x = np.ogrid[:700, :900]
    neighbour = ((x - 550) / 70) ** 2 + ((y - 350) / 91) ** 2 < 1
    assert (result[neighbour] == before[neighbour]).all()


def test_both_passes_reach_the_engine_with_their_numbers(tmp_path: Path, ann: Subject):
    engine = FakeEngine(ModelFamily.SD15)
    make(PortraitRequest(persons=("ann",), seed=3), template(tmp_path, ((450, 350), 160)), ann, engine=engine)
    first, second = engine.jobs
    assert (first.steps, first.strength, second.steps, second.strength) == (50, 0.45, 20, 0.30)
    assert [(h.kind, h.weight) for h in first.hints] == [
        (HintKind.CANNY, 0.50),
        (HintKind.POSE, 0.50),
        (HintKind.COLOR, 0.85),
    ]
    assert [(h.kind, h.weight) for h in second.hints] == [(HintKind.CANNY, 1.0), (HintKind.TILE, 1.0)]
    assert first.loras[0].weight == 0.9
    assert min(first.picture.size) == 512
    assert all(h.picture.size == first.picture.size == first.mask.size for h in first.hints)
    assert first.prompt.startswith("easyphoto_face, easyphoto, 1person, portrait photo")
    assert first.seed != second.seed


def test_the_ring_leaves_the_middle_of_the_cheek_alone(tmp_path: Path, ann: Subject):
    engine = FakeEngine(ModelFamily.SD15)
    make(PortraitRequest(persons=("ann",), seed=3), template(tmp_path, ((450, 350), 160)), ann, engine=engine)
    first, second = (np.asarray(job.mask) for job in engine.jobs)
    height, width = first.shape
    cheek = (round(height * 0.5), round(width * 0.57))
    assert first[cheek] == 255
    assert second[cheek] == 0


@pytest.mark.parametrize(
    ("switch", "jobs"),
    [({"second_pass": False}, 1), ({"first_denoising_strength": 0.0}, 1), ({"fusion_after": False}, 2)],
)
def test_switches(tmp_path: Path, ann: Subject, switch: dict, jobs: int):
    engine = FakeEngine()
    make(request("ann", **switch), template(tmp_path, ((450, 350), 160)), ann, engine=engine)
    assert len(engine.jobs) == jobs


def test_the_built_in_model_paints_nothing_unless_it_is_asked_to(tmp_path: Path, ann: Subject):
    engine = FakeEngine()
    wish = PortraitRequest.for_family(ModelFamily.BUILTIN, persons=("ann",), seed=7)
    portrait = make(wish, template(tmp_path, ((450, 350), 160)), ann, engine=engine)
    assert engine.jobs == []
    assert [stage.value for stage in wish.face_stages] == ["fusion", "detail"]
    assert portrait.scores[0].after < 0.2 < 0.6 < portrait.scores[0].before


def test_a_drawn_seed_is_written_down_and_repeats_the_picture(tmp_path: Path, ann: Subject):
    shown = template(tmp_path, ((450, 350), 160))
    drawn = make(PortraitRequest.for_family(ModelFamily.BUILTIN, persons=("ann",)), shown, ann)
    assert drawn.seed >= 0
    assert f"Seed: {drawn.seed}" in drawn.infotext


def test_a_template_without_a_face_is_named(tmp_path: Path, ann: Subject):
    with pytest.raises(NoFace, match=r"template.png"):
        make(request("ann"), template(tmp_path), ann)


def test_more_persons_than_faces_is_refused(tmp_path: Path, ann: Subject, bob: Subject):
    with pytest.raises(BadRequest):
        make(request("ann", "bob"), template(tmp_path, ((450, 350), 160)), ann, bob)


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
    tools = Tools(FakeEngine(), FakeFaces())
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
    context = BatchContext(Tools(engine, FakeFaces()), _People(bare), tmp_path / "out")  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="Ann has no LoRA") as caught:
        generate_batch(PortraitRequest(persons=("ann",)), shown, context, silent)
    assert "Train the person on this base model" in caught.value.remedy
    assert engine.jobs == []
    batch = generate_batch(PortraitRequest(persons=("ann",), lora_weight=0.0), shown, context, silent)
    assert len(batch.portraits) == 1 and engine.jobs[0].loras == ()


def test_finished_pictures_are_never_overwritten(tmp_path: Path, ann: Subject):
    tools, shown = Tools(FakeEngine(), FakeFaces()), [template(tmp_path, ((450, 350), 160))]
    context = BatchContext(tools, _People(ann.person), tmp_path / "out")  # type: ignore[arg-type]
    files = [generate_batch(request("ann"), shown, context, silent).portraits[0].file for _ in range(2)]
    assert files[0] != files[1]


def test_cancelling_passes_through(tmp_path: Path, ann: Subject):
    def stop(step: Step) -> None:
        if step.stage == "render":
            raise Cancelled

    shown = template(tmp_path, ((450, 350), 160))
    with pytest.raises(Cancelled):
        generate(request("ann"), shown, {"ann": ann}, Tools(FakeEngine(), FakeFaces()), stop)


def test_best_of_keeps_the_nearest(tmp_path: Path, ann: Subject):
    engine = FakeEngine()
    make(request("ann", best_of=3), template(tmp_path, ((450, 350), 160)), ann, engine=engine)
    assert len(engine.jobs) == 6
    assert len({job.seed for job in engine.jobs}) == 6


def test_the_infotext_names_no_person(tmp_path: Path, ann: Subject):
    portrait = make(request("ann"), template(tmp_path, ((450, 350), 160)), ann)
    settings = portrait.infotext.splitlines()[-1]
    assert "ann" not in settings.lower().split("persons: ")[1].split(",")[0]


def test_every_stage_shows_the_face_as_it_is(tmp_path: Path, ann: Subject):
    steps: list[Step] = []
    tools = Tools(FakeEngine(), FakeFaces())
    generate(request("ann"), template(tmp_path, ((450, 350), 160)), {"ann": ann}, tools, steps.append)
    shown = [s for s in steps if s.preview is not None]
    assert [s.stage for s in shown] == ["fusion", "first pass", "second fusion", "second pass", "detail"]
    assert all(s.preview is not None and max(s.preview.size) <= 384 for s in shown)


def test_the_stage_counter_reaches_its_total_with_every_effect_on(tmp_path: Path, ann: Subject):
    steps: list[Step] = []
    everything = dict.fromkeys(("color_first", "color_last", "retouch", "enhance_detail", "second_pass"), True)
    wish, shown = request("ann", **everything), template(tmp_path, ((450, 350), 160))
    generate(wish, shown, {"ann": ann}, Tools(FakeEngine(), FakeFaces()), steps.append)
    counts = [(s.done, s.total) for s in steps if s.preview is not None]
    assert counts == [(number, 8) for number in range(8)]


def test_a_portrait_that_cannot_be_saved_fails_alone(tmp_path: Path, ann: Subject, monkeypatch: pytest.MonkeyPatch):
    real, saved = batch_module.save_picture, list[Path]()

    def full_at_first(picture: Image.Image, file: Path, text: str) -> None:
        saved.append(file)
        if len(saved) == 1:
            raise OSError(28, "No space left on device")
        real(picture, file, text)

    monkeypatch.setattr(batch_module, "save_picture", full_at_first)
    shown = [template(tmp_path, ((450, 350), 160))] * 2
    context = BatchContext(Tools(FakeEngine(), FakeFaces()), _People(ann.person), tmp_path / "out")  # type: ignore[arg-type]
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
            Tools(FakeEngine(), faces),
            lambda step: stages.append(step.stage),
        )
    assert faces.enhanced == times
    assert stages.count("enhance photos") == times


def skin(portrait, x: int) -> np.ndarray:
    """Median color between the face's painted middle and its rim, where only the tone changes."""
    return np.median(np.asarray(portrait.picture)[405:420, x - 8 : x + 8].reshape(-1, 3), axis=0)


def test_skin_takes_the_tone_of_each_faces_own_person(tmp_path: Path, ann: Subject, bob: Subject):
    shown = template(tmp_path, ((250, 350), 120), ((650, 350), 120))
    plain = {"color_first": False, "color_last": False, "fusion_before": False, "fusion_after": False}
    lightness = rgb_to_lab(skin(make(request("bob", "ann", **plain), shown, ann, bob), 250).astype(np.uint8))[0]
    other = rgb_to_lab(skin(make(request("bob", "ann", **plain), shown, ann, bob), 650).astype(np.uint8))[0]
    assert abs(lightness - bob.tone[0]) < 6
    assert abs(other - ann.tone[0]) < 6
    assert lightness < other - 10


def test_the_templates_tone_can_be_kept(tmp_path: Path, ann: Subject):
    shown = template(tmp_path, ((450, 350), 120))
    plain = {"fusion_before": False, "fusion_after": False}
    kept = make(request("ann", keep_template_skin=True, **plain), shown, ann)
    assert np.abs(skin(kept, 450) - PALE).max() < 12


def test_a_photo_in_violet_light_is_balanced_before_use(tmp_path: Path):
    subject = open_subject(person(tmp_path, "eve", (205, 120, 165)), FakeFaces())
    _, _, hue = lab_to_lch(FakeFaces().skin_tone(subject.sources[0].picture, subject.sources[0].face))
    assert 40 < hue < 70


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_rendered(tmp_path: Path, ann: Subject):
    engine, occupied = FakeEngine(), tmp_path / "out"
    occupied.write_bytes(b"a file")
    context = BatchContext(Tools(engine, FakeFaces()), _People(ann.person), occupied / "below")  # type: ignore[arg-type]
    with pytest.raises(EasyPhotoError) as caught:
        generate_batch(request("ann"), [template(tmp_path, ((450, 350), 160))], context, silent)
    assert caught.value.code == "system.in-the-way" and str(occupied) in caught.value.file
    assert engine.jobs == []


@pytest.mark.parametrize("name", ["x" * 250 + ".png", "照" * 84 + ".png"])
def test_names_are_shortened_by_bytes_and_keep_the_seed(tmp_path: Path, ann: Subject, name: str):
    shown = replace(template(tmp_path, ((450, 350), 160)), name=name)
    context = BatchContext(Tools(FakeEngine(), FakeFaces()), _People(ann.person), tmp_path / "out")  # type: ignore[arg-type]
    for _ in range(2):
        (portrait,) = generate_batch(request("ann"), [shown], context, silent).portraits
    assert portrait.file is not None and portrait.file.is_file()
    assert portrait.file.stem.endswith("-7-2") and portrait.file.stem.startswith(name[:40])


def test_the_reference_and_its_photo_are_one_source_the_larger(tmp_path: Path):
    small, large = ((300, 300), [((150, 150), 120, TAN)]), ((500, 500), [((250, 250), 200, TAN)])
    reference = save(draw_faces(*small), tmp_path / "reference.png")
    photo = save(draw_faces(*large), tmp_path / "0.png")
    other = save(draw_faces((300, 300), [((150, 150), 120, (200, 125, 95))]), tmp_path / "1.png")
    ann = open_subject(Person("ann", "Ann", tmp_path, None, reference, None, (other, photo)), FakeFaces())
    assert [round(source.face.box.width, -1) for source in ann.sources] == [200, 120]
