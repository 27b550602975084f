"""From a template to a portrait: faces, passes, switches, seeds, stages."""

from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEngine, FakeFaces, no_weights
from PIL import Image
from portrait_world import make, request, template

from easyphoto.domain import KEEP, HintKind, ModelFamily, PortraitRequest
from easyphoto.errors import BadRequest, NoFace
from easyphoto.portrait.generate import Tools, generate
from easyphoto.portrait.subject import Subject
from easyphoto.progress import Step, silent


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


def test_best_of_keeps_the_nearest(tmp_path: Path, ann: Subject):
    engine = FakeEngine()
    make(request("ann", best_of=3), template(tmp_path, ((450, 350), 160)), ann, engine=engine)
    assert len(engine.jobs) == 6
    assert len({job.seed for job in engine.jobs}) == 6


def test_a_template_is_read_and_toned_once_for_all_candidates(tmp_path: Path, ann: Subject):
    shown, seen, engine = template(tmp_path, ((450, 350), 160)), [], FakeEngine()
    size = (700, 900)

    class Counting(FakeFaces):
        def detect(self, picture):
            seen.append(picture.shape[:2] == size)
            return super().detect(picture)

        def retone(self, picture, face, neighbors, tone):
            seen.append("toned")
            return super().retone(picture, face, neighbors, tone)

    portrait = generate(
        request("ann", best_of=3, crop_face=True), shown, {"ann": ann}, Tools(engine, Counting(), no_weights), silent
    )
    assert seen.count("toned") == 1
    assert seen.count(True) == 1
    assert portrait.scores[0].after < portrait.scores[0].before


def test_the_infotext_names_no_person(tmp_path: Path, ann: Subject):
    portrait = make(request("ann"), template(tmp_path, ((450, 350), 160)), ann)
    settings = portrait.infotext.splitlines()[-1]
    assert "ann" not in settings.lower().split("persons: ")[1].split(",")[0]


def test_every_stage_shows_the_face_as_it_is(tmp_path: Path, ann: Subject):
    steps: list[Step] = []
    tools = Tools(FakeEngine(), FakeFaces(), no_weights)
    generate(request("ann"), template(tmp_path, ((450, 350), 160)), {"ann": ann}, tools, steps.append)
    shown = [s for s in steps if s.preview is not None]
    assert [s.stage for s in shown] == ["fusion", "first pass", "second fusion", "second pass", "detail"]
    assert all(s.preview is not None and max(s.preview.size) <= 384 for s in shown)


def test_the_stage_counter_reaches_its_total_with_every_effect_on(tmp_path: Path, ann: Subject):
    steps: list[Step] = []
    everything = dict.fromkeys(("color_first", "color_last", "retouch", "enhance_detail", "second_pass"), True)
    wish, shown = request("ann", **everything), template(tmp_path, ((450, 350), 160))
    generate(wish, shown, {"ann": ann}, Tools(FakeEngine(), FakeFaces(), no_weights), steps.append)
    counts = [(s.done, s.total) for s in steps if s.preview is not None]
    assert counts == [(number, 8) for number in range(8)]
