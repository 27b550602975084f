"""Portraits whose picture is drawn from the prompt."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEngine, FakeFaces, draw_faces, no_weights
from PIL import Image
from portrait_world import PALE, TAN, person, template

from easyphoto.domain import HintKind, LoraCheckpoint, ModelFamily, Portrait, PortraitRequest, Rendered, RenderJob
from easyphoto.errors import BadRequest, MissingModel, NoFace
from easyphoto.paths import shipped_models
from easyphoto.portrait.drawing import check_drawing, drawing_size
from easyphoto.portrait.extra_loras import drawing_loras
from easyphoto.portrait.generate import Tools, generate
from easyphoto.portrait.subject import open_subject
from easyphoto.progress import Progress, silent
from easyphoto.weights import WeightStore, read_catalog
from easyphoto.weights.places import WeightFolders

SD15 = ModelFamily.SD15


class DrawingEngine(FakeEngine):
    """Draws a face from nothing, but for the seeds that are `faceless`."""

    def __init__(self, faceless: Collection[int] = ()) -> None:
        super().__init__(SD15)
        self.faceless = faceless

    def render(self, job: RenderJob, report: Progress) -> Rendered:
        if job.strength < 1:
            return super().render(job, report)
        self.jobs.append(job)
        width, height = job.picture.size
        faces = [] if job.seed in self.faceless else [((width // 2, height // 2), 160, PALE)]
        return Rendered(Image.fromarray(draw_faces((width, height), faces)), ())


@pytest.fixture
def store(tmp_path: Path) -> WeightStore:
    """With two scene LoRAs, one of them in a WebUI, and a copy of a person's there."""
    own, webui = tmp_path / "weights", tmp_path / "webui"
    for file in (
        own / "lora" / "beach.safetensors",
        webui / "sub" / "snow.safetensors",
        webui / ".easyphoto" / "p.safetensors",
    ):
        file.parent.mkdir(parents=True)
        file.with_suffix(".safetensors").write_bytes(b"")
    return WeightStore(lambda: read_catalog(shipped_models()), WeightFolders(own, shipped_models(), {"lora": (webui,)}))


def made(folder: Path, engine: FakeEngine, store: WeightStore | None = None, **changes) -> Portrait:
    faces, ann = FakeFaces(), person(folder, "ann", TAN)
    ann = replace(ann, lora=LoraCheckpoint(folder / "ann.safetensors", SD15, 4, 10))
    wish = {"persons": ("ann",), "seed": 5, "from_text": True, "prompt": "a woman on a beach", **changes}
    tools = Tools(engine, faces, (lambda: store) if store else no_weights)
    shown = template(folder, ((450, 350), 160))
    return generate(PortraitRequest.for_family(SD15, **wish), shown, {"ann": open_subject(ann, faces)}, tools, silent)


def test_the_prompt_draws_and_then_it_is_a_template_like_any_other(tmp_path: Path, store: WeightStore):
    engine = DrawingEngine()
    portrait = made(tmp_path, engine, store, scene_lora="beach", width=512, height=640, pose_weight=0.7)
    drawing, *passes = engine.jobs
    assert portrait.picture.size == (512, 640)
    assert (drawing.prompt, drawing.strength, drawing.steps, drawing.seed) == ("a woman on a beach", 1.0, 30, 5)
    assert np.asarray(drawing.mask).min() == 255
    assert [(hint.kind, hint.weight, hint.required) for hint in drawing.hints] == [(HintKind.POSE, 0.7, False)]
    assert [(use.file.name, use.weight) for use in drawing.loras] == [("beach.safetensors", 0.8)]
    assert len(passes) == 2
    assert all([use.file.name for use in one.loras] == ["ann.safetensors"] for one in passes)
    assert all(one.prompt.startswith("easyphoto_face") and one.strength < 1 for one in passes)
    assert "EasyPhoto from_text: True" in portrait.infotext
    assert portrait.scores[0].after < portrait.scores[0].before  # of the drawn face


def test_every_seed_draws_and_one_without_a_face_is_passed_over(tmp_path: Path):
    engine = DrawingEngine(faceless={6})
    portrait = made(tmp_path, engine, best_of=3)
    assert [job.seed for job in engine.jobs if job.strength == 1] == [5, 6, 7]
    assert portrait.seed in (5, 7)


def test_no_face_at_all_is_told(tmp_path: Path):
    with pytest.raises(NoFace) as caught:
        made(tmp_path, DrawingEngine(faceless={5, 6}), best_of=2)
    assert caught.value.code == "portrait.none-drawn"


def test_without_weight_there_is_no_pose(tmp_path: Path):
    engine = DrawingEngine()
    made(tmp_path, engine, pose_weight=0.0)
    assert engine.jobs[0].hints == ()


def test_without_a_template_the_prompt_says_all(tmp_path: Path):
    engine, faces, ann = DrawingEngine(), FakeFaces(), person(tmp_path, "ann", TAN)
    ann = replace(ann, lora=LoraCheckpoint(tmp_path / "ann.safetensors", SD15, 4, 10))
    request = PortraitRequest.for_family(SD15, persons=("ann",), seed=5, from_text=True)
    plain, (only,) = request.in_turns([])
    people = {"ann": open_subject(ann, faces)}
    portrait = generate(plain, only, people, Tools(engine, faces, no_weights), silent)
    assert engine.jobs[0].hints == () and portrait.picture.size == (512, 640)
    assert portrait.template == "text"
    assert PortraitRequest().in_turns([])[1] == ()


@pytest.mark.parametrize(
    ("asked", "pose", "family", "expected"),
    [
        ((0, 0), (900, 1200), SD15, (512, 672)),
        ((0, 0), (900, 1200), ModelFamily.SDXL, (864, 1152)),
        ((624, 832), (900, 700), SD15, (624, 832)),
        ((600, 0), (900, 1200), SD15, (600, 800)),
        ((0, 800), (900, 1200), SD15, (600, 800)),
    ],
)
def test_sizes(asked: tuple[int, int], pose: tuple[int, int], family: ModelFamily, expected: tuple[int, int]):
    request = PortraitRequest(width=asked[0], height=asked[1])
    assert drawing_size(request, pose, family) == expected


@pytest.mark.parametrize("family", [ModelFamily.BUILTIN, ModelFamily.EXPERIMENTAL])
def test_models_that_ship_draw_nothing(family: ModelFamily):
    check_drawing(PortraitRequest(), family)
    with pytest.raises(BadRequest) as caught:
        check_drawing(PortraitRequest(from_text=True), family)
    assert caught.value.code == "portrait.no-drawing"
    assert {"from_text", "width", "scene_lora", "sampler"} <= set(family.spec.without_effect)


def test_scene_loras_are_found_by_name_and_nobodys_face_among_them(store: WeightStore):
    wish = PortraitRequest(from_text=True, scene_lora="sub/snow.safetensors", scene_lora_weight=0.5)
    (use,) = drawing_loras(wish, SD15, lambda: store)
    assert (use.file.name, use.weight) == ("snow.safetensors", 0.5)
    with pytest.raises(MissingModel) as caught:
        drawing_loras(replace(wish, scene_lora=".easyphoto/p"), SD15, lambda: store)
    assert caught.value.params["there"] == ["beach", "sub/snow"]
    assert drawing_loras(replace(wish, from_text=False), SD15, no_weights) == ()
