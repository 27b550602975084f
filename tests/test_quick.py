"""Portraits from photos alone: as ordinary ones, without a LoRA, and nothing of the person stays."""

import threading
from pathlib import Path

import pytest
from fake_studio import make_person
from fakes import FakeEngine, draw_faces, fake_toolboxes, save

from easyphoto.deletion import delete_person
from easyphoto.domain import (
    MOST_PHOTOS,
    Checkpoint,
    IdentityAdapter,
    ModelFamily,
    Photo,
    PortraitRequest,
    QuickRequest,
    Template,
)
from easyphoto.errors import BadRequest, NoFace
from easyphoto.images import read_infotext
from easyphoto.paths import Paths
from easyphoto.progress import Cancelled, Step, silent
from easyphoto.quick import remove_leftovers
from easyphoto.studio import Studio

TAN, PALE = (190, 110, 90), (235, 190, 170)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    paths = Paths(tmp_path / "数据 home")
    return Studio(paths, FakeEngine(), fake_toolboxes(paths))  # type: ignore[arg-type]


@pytest.fixture
def photos(tmp_path: Path) -> list[Photo]:
    files = [save(draw_faces((300, 300), [((150, 150), 120 + n, TAN)]), tmp_path / f"{n}.png") for n in range(3)]
    return [Photo(file, file.name) for file in files]


@pytest.fixture
def templates(tmp_path: Path) -> list[Template]:
    one = save(draw_faces((700, 500), [((350, 250), 160, PALE)]), tmp_path / "one.png")
    two = save(draw_faces((900, 500), [((250, 250), 140, PALE), ((650, 250), 140, PALE)]), tmp_path / "two.png")
    return [Template(one, "one.png"), Template(two, "two.png")]


def wanted(consent: bool = True, **changes) -> QuickRequest:
    return QuickRequest(PortraitRequest.for_family(ModelFamily.BUILTIN, seed=7, **changes), consent)


def test_the_person_comes_from_the_photos_and_nothing_of_them_stays(studio, photos, templates, tmp_path):
    done = studio.quick(wanted(color_first=False, color_last=False), photos, templates, silent, tmp_path / "out")
    assert [made.template for made in done.batch.portraits] == ["one.png", "two.png"]
    assert [len(made.scores) for made in done.batch.portraits] == [1, 1]  # of two people the left one
    for made in done.batch.portraits:
        assert made.file is not None and made.file.parent == tmp_path / "out"
        assert made.scores[0].after < 0.3 < 0.6 < made.scores[0].before
        assert "EasyPhoto persons: " in read_infotext(made.file)
    assert [report.name for report in done.reports] == ["0.png", "1.png", "2.png"]
    assert any("photo" in str(warning) for warning in done.warnings)  # few, and alike
    assert studio.library.list() == ()
    assert [file for file in studio.paths.root.rglob("*") if file.is_file()] == []
    assert all(job.loras == () for job in studio.engine.jobs)


def test_portraits_of_two_people_do_not_bear_one_mark(studio, photos, templates):
    marks = set()
    for _ in range(2):
        made = studio.quick(wanted(), photos[:1], templates[:1]).batch.portraits[0]
        marks.add(read_infotext(made.file).split("EasyPhoto persons: ")[1][:8])
    assert len(marks) == 2


def test_results_are_handed_on_as_they_are_finished(studio, photos, templates, tmp_path):
    seen: list[object] = []
    blank = Template(save(draw_faces((200, 200), []), tmp_path / "blank.png"), "blank.png")
    done = studio.quick(wanted(), photos, [blank, templates[0]], silent, tmp_path, seen.append)
    assert seen == [*done.batch.failures, *done.batch.portraits] and isinstance(seen[0], NoFace)


@pytest.mark.parametrize(
    ("request_", "count", "words"),
    [
        (wanted(consent=False), 1, "consent"),
        (wanted(), 0, "no picture"),
    ],
)
def test_what_cannot_be_is_refused_before_a_photo_is_read(studio, templates, request_, count, words):
    with pytest.raises(BadRequest, match=words) as caught:
        studio.quick(request_, [Photo(Path("nowhere.png"), "nowhere.png")] * count, templates)
    assert caught.value.remedy
    assert not studio.paths.jobs.exists()


@pytest.mark.parametrize("family", list(ModelFamily))
def test_a_family_that_needs_a_lora_repaints_nothing_without_one(family):
    portrait = QuickRequest.for_family(family, seed=3).portrait
    own = PortraitRequest.for_family(family).first_denoising_strength
    wanted = 0.0 if family.spec.lora_required else own
    assert (portrait.lora_weight, portrait.first_denoising_strength, portrait.second_pass) == (0.0, wanted, False)
    assert portrait.fusion_before_ratio == 1.0 and portrait.seed == 3


def test_a_base_model_that_needs_a_lora_makes_quick_portraits_too(studio, photos, templates, monkeypatch):
    base = Checkpoint("sd", ModelFamily.SD15)
    monkeypatch.setattr(studio.engine, "checkpoint", lambda name: base)
    request = QuickRequest.for_family(base.family, consent=True, base_model=base.name, color_last=False)
    done = studio.quick(request, photos, templates[:1])
    assert done.batch.failures == () and done.batch.portraits[0].scores[0].after < 0.3
    assert studio.engine.jobs == []


def test_with_an_identity_adapter_the_base_model_repaints_and_the_result_says_so(
    studio, photos, templates, monkeypatch
):
    studio.engine.family, studio.engine.adapter = ModelFamily.SD15, IdentityAdapter("InstantID", 0.8)
    request = QuickRequest.for_family(ModelFamily.SD15, True, studio.engine.adapter, first_steps=2, second_steps=2)
    portrait, own = request.portrait, PortraitRequest.for_family(ModelFamily.SD15)
    assert (portrait.identity_weight, portrait.lora_weight) == (0.8, 0.0)
    assert portrait.first_denoising_strength == own.first_denoising_strength > 0
    done = studio.quick(request, photos, templates[:1])
    assert [job.identity.weight for job in studio.engine.jobs] == [0.8, 0.8]
    (note,) = (note for note in done.batch.portraits[0].notes if getattr(note, "code", "") == "quick.note.identity")
    assert "InstantID" in str(note)


def test_a_weight_that_is_asked_for_goes_before_the_adapter_s():
    adapter = IdentityAdapter("InstantID", 0.8)
    given = [QuickRequest.for_family(ModelFamily.SD15, True, adapter, identity_weight=one).portrait for one in (0, 0.3)]
    assert [one.identity_weight for one in given] == [0, 0.3]
    assert given[0].first_denoising_strength == 0 < given[1].first_denoising_strength


def test_persons_of_the_library_cannot_be_named():
    with pytest.raises(BadRequest, match="persons of the library"):
        wanted(persons=("mei",))


def test_of_many_photos_the_best_are_used_and_the_others_named(studio, templates, tmp_path):
    """The best are those most like the person; one without a face is no choice, so it is not left over."""
    sides = [*range(120, 120 + MOST_PHOTOS + 2), 0]
    files = [
        save(
            draw_faces((300, 300), [((150, 150), side, (TAN[0] - 2 * n, *TAN[1:]))] if side else []),
            tmp_path / f"{n}.png",
        )
        for n, side in enumerate(sides)
    ]
    done = studio.quick(wanted(), [Photo(file, file.name) for file in files], templates[:1])
    used = [one for one in done.reports if one.trained]
    left = [one for one in done.reports if one.box and not one.trained]
    assert (len(used), len(left)) == (MOST_PHOTOS, 2)
    told = next(one for one in done.warnings if one.code == "photos.left-over")
    assert told.params == {"names": [one.name for one in left], "most": MOST_PHOTOS}


def test_photos_without_a_face_are_named(studio, templates, tmp_path):
    blank = save(draw_faces((200, 200), []), tmp_path / "blank.png")
    with pytest.raises(NoFace, match=r"blank\.png"):
        studio.quick(wanted(), [Photo(blank, "blank.png")], templates)
    assert list(studio.paths.jobs.iterdir()) == []


def test_a_cancelled_run_leaves_nothing(studio, photos, templates):
    def stop(step: Step) -> None:
        if step.stage == "portrait":
            raise Cancelled

    with pytest.raises(Cancelled):
        studio.quick(wanted(), photos, templates, stop)
    assert list(studio.paths.jobs.iterdir()) == []


def test_what_a_crash_has_left_is_deleted_and_what_runs_is_not(studio, photos, templates):
    left = studio.paths.jobs / "quick-0000"
    left.mkdir(parents=True)
    for name in ("lock", "face.png"):
        (left / name).write_bytes(b"x")
    there: list[list[str]] = []

    def look(step: Step) -> None:
        if step.stage == "portrait" and not there:
            other = threading.Thread(target=remove_leftovers, args=(studio.paths,))
            other.start()
            other.join()
            there.append([folder.name for folder in studio.paths.jobs.iterdir()])

    studio.quick(wanted(), photos, templates, look)
    assert len(there[0]) == 1 and left.name not in there[0]


def test_deleting_anybody_deletes_what_a_crash_has_left(studio, tmp_path):
    left = studio.paths.jobs / "quick-0000"
    left.mkdir(parents=True)
    (left / "lock").touch()
    person = make_person(studio.paths, "Anna")
    delete_person(person.id, studio)
    assert not left.exists()
