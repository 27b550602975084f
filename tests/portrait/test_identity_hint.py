"""The identity weight reaches the engine with the person's face, and takes the place of a LoRA where there is none."""

from dataclasses import replace
from pathlib import Path

from fakes import FakeEngine, FakeFaces
from portrait_world import make, template

from easyphoto.domain import ModelFamily, PortraitRequest
from easyphoto.portrait.batch import _check_loras
from easyphoto.portrait.generate import Tools
from easyphoto.portrait.subject import Subject


def test_both_passes_show_the_person_s_face_at_its_weight(tmp_path: Path, ann: Subject):
    engine = FakeEngine(ModelFamily.SD15)
    shown = template(tmp_path, ((450, 350), 160))
    make(PortraitRequest(persons=("ann",), identity_weight=0.4), shown, ann, engine=engine)
    make(PortraitRequest(persons=("ann",)), shown, ann, engine=engine)
    hints = [job.identity for job in engine.jobs]
    assert [hint and (hint.weight, hint.required) for hint in hints] == [(0.4, False)] * 2 + [None] * 2
    assert hints[0] is not None
    width, height = hints[0].picture.size
    assert abs(width - height) <= 1
    box = ann.sources[0].face.box
    assert abs(width - 1.5 * max(box.width, box.height)) <= 1


def test_a_person_without_a_lora_needs_the_adapter(ann: Subject):
    bare = replace(ann, person=replace(ann.person, lora=None))
    hint = bare.identity(0.4)
    assert hint is not None and hint.required
    request = PortraitRequest(persons=("ann",), identity_weight=0.4)
    tools = Tools(FakeEngine(ModelFamily.SD15), FakeFaces(), lambda: None)  # type: ignore[arg-type, return-value]
    _check_loras(request, [bare.person], tools)  # left to the engine, which knows whether there is one
