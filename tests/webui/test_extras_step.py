"""The step in Extras, what the script writes into a picture's text, and its place after other scripts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from extension_world import FakeHost, FakeStep
from PIL import Image
from script_world import Job, a_picture, after, tan_faces

from easyphoto.domain import Person
from easyphoto.studio import Studio
from easyphoto.webui.face_script import fields, pictures
from easyphoto.webui.face_script.choices import KEY
from easyphoto.webui.face_script.script import script_class

pytest_plugins = ["script_world"]  # fixtures


def step(host: FakeHost) -> Any:
    host.load()
    (made,) = host.steps
    assert issubclass(made, FakeStep)
    return made()


def test_extras_put_a_person_into_a_picture(host: FakeHost, studio: Studio, anna: Person):
    pp = SimpleNamespace(image=a_picture(130, 130), info={"Upscaler": "none"})
    given = {"strength": "Fusion only", "order": "Left to right", "person_1": "", "person_2": "Anna"}
    step(host).process(pp, enabled=True, **given)
    assert tan_faces(pp.image, 2) == [False, True]
    assert pp.info["Upscaler"] == "none"
    assert {f"{KEY} strength", f"{KEY} persons", f"{KEY} seed"} <= set(pp.info)
    assert "Anna" not in str(pp.info)


def test_extras_without_it_or_without_a_face_leave_the_picture(host: FakeHost, studio: Studio, anna: Person):
    made, picture = step(host), a_picture()
    pp = SimpleNamespace(image=picture, info={})
    made.process(pp)
    assert pp.info == {}
    made.process(pp, enabled=True, person_1="Anna")
    assert pp.image is picture
    assert "No face" in pp.info[f"{KEY} note"]


def test_the_text_names_the_boxes_of_each_picture(host: FakeHost, studio: Studio, anna: Person):
    job = Job(iteration=1, batch_index=0)
    after(job, a_picture(130, 130), persons=["", "Anna"])
    boxes = job.extra_generation_params[f"{KEY} boxes"]
    assert [bool(one) for one in boxes] == [False, False, True, False]
    left, top, right, bottom = map(int, boxes[2].split())
    assert left < 500 < right and top < 250 < bottom


def test_what_is_pasted_back_asks_for_the_same(host: FakeHost, studio: Studio, anna: Person):
    """The host gives texts; a field takes what its function makes of them."""
    import gradio as gr

    asked = {"persons": ["", "Anna"], "strength": "strong", "order": "largest-first", "denoising_strength": 0.35}
    job, script = Job(), SimpleNamespace()
    pictures.process(job, (asked,))
    with gr.Blocks():
        shown = fields.build(script, is_img2img=False)
    pasted = {name: str(value) for name, value in job.extra_generation_params.items()}
    values = {field: found(pasted) for field, found in script.infotext_fields}
    given = [values.get(field, field.value) for field in shown]
    assert pictures.read_arguments(given) == pictures.read_arguments(({**asked, "persons": ["", "Anna", "", ""]},))
    assert {name for name in pasted if name not in script.paste_field_names} == set()


def test_the_script_sees_what_a_script_before_it_has_made_and_the_enlarged_picture(
    host: FakeHost,
    studio: Studio,
    anna: Person,
):
    """A face detailer paints in `postprocess_image`; hires fix leaves the small size in the job."""
    job = Job(width=64, height=48)
    detailed = a_picture(130)
    pp = SimpleNamespace(image=Image.new("RGB", detailed.size))
    pp.image = detailed  # the detailer's, after which the host calls us
    script = script_class()()
    script.postprocess_image_after_composite(job, pp, {"persons": ["Anna"], "strength": "fusion-only"})
    assert pp.image.size == detailed.size
    assert tan_faces(pp.image, 1) == [True]
