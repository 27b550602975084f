"""Nodes on a fake ComfyUI: what they take and give, and what is refused in which way."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_comfyui import FakeComfyui, Interrupted, fake_clip, fake_model
from lora_files import numbered_modules, write_lora
from PIL import Image

from easyphoto.domain import Person
from easyphoto.images import read_infotext
from easyphoto.images.saving import AI_MADE
from easyphoto.locales import LANGUAGES
from easyphoto.studio import Studio

TAN = (190, 110, 90)


def node(name: str) -> Any:
    from easyphoto.comfyui.extension import NODES

    return next(one for one in NODES if one.__name__ == name)


@pytest.fixture
def anna(studio: Studio, image: Any) -> Any:
    """A PersonChoice, as *Train person* hands it on."""
    trained = node("TrainPerson").execute(["Anna"], [True], ["built-in"], [0], [image(350, color=TAN)])
    return trained.args[0]


def put(**given: Any) -> Any:
    return node("PutPerson").execute(**{"strength": "natural", "face": 1, "seed": 3, **given})


def color_at(images: Any, x: int, number: int = 0) -> tuple[int, ...]:
    return tuple(round(float(one) * 255) for one in images[number, 250, x])


def is_tan(color: tuple[int, ...]) -> bool:
    return abs(color[0] - TAN[0]) < 25 and abs(color[1] - TAN[1]) < 25


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_node_has_a_schema_with_ids_of_its_own(host: FakeComfyui, language: str):
    (host.folder / "user" / "default").mkdir()
    (host.folder / "user" / "default" / "comfy.settings.json").write_text(f'{{"Comfy.Locale": "{language}"}}')
    from easyphoto.comfyui.extension import EasyPhotoExtension

    nodes = asyncio.run(EasyPhotoExtension().get_node_list())
    schemas = [one.define_schema() for one in nodes]
    assert len({schema.node_id for schema in schemas}) == len(schemas) == 6
    for schema in schemas:
        ids = [one.id for one in (*schema.inputs, *(schema.outputs or ()))]
        assert len(set(ids)) == len(ids)
        assert all(one.display_name and one.tooltip for one in schema.inputs)
        assert len({one.display_name for one in schema.inputs}) == len(schema.inputs)
    assert ("训练人物" in str(schemas)) == (language == "zh")


def test_photos_are_judged_and_the_usable_ones_handed_on(studio: Studio, image: Any):
    made = node("CheckPhotos").execute([image(350, color=TAN), image(size=(200, 100))], [""])
    report, accepted = made.args
    assert [line.split(":")[0] for line in report.splitlines()] == ["picture-001", "picture-002"]
    assert [tuple(one.shape) for one in accepted] == [(1, 500, 700, 3)]
    assert made.ui == {"text": (report,)}


def test_a_folder_is_read_by_name_and_only_inside_of_the_input_folder_while_others_can_reach_it(
    host: FakeComfyui, studio: Studio, tmp_path: Path, image: Any
):
    from easyphoto.comfyui.tensors import pictures_of

    check = node("CheckPhotos")
    for place in (host.folder / "input" / "anna", tmp_path / "elsewhere"):
        place.mkdir()
        pictures_of(image(350, color=TAN))[0].save(place / "a.png")
    assert check.validate_inputs(["anna"]) is True
    assert check.execute([], ["anna"]).args[0].startswith("a.png: ")
    assert "(comfyui.no-folder)" in check.validate_inputs(["bob"])
    assert check.validate_inputs([str(tmp_path / "elsewhere")]) is True
    host.args.listen = "0.0.0.0,::"
    for outside in (str(tmp_path / "elsewhere"), "../../elsewhere"):
        assert "(comfyui.folder-outside)" in check.validate_inputs([outside])
    assert check.validate_inputs(None) is True  # wired: seen when it is executed
    before = check.fingerprint_inputs(["anna"])
    (host.folder / "input" / "anna" / "b.png").write_bytes(b"x")
    assert check.fingerprint_inputs(["anna"]) != before


def test_training_asks_for_consent_before_anything_is_executed(studio: Studio):
    refused = node("TrainPerson").validate_inputs([False], [""])
    assert refused.splitlines()[0] == "Training needs the consent of the person shown."
    assert refused.splitlines()[-1] == "(training.no-consent)"
    assert node("TrainPerson").validate_inputs([True], None) is True


def test_the_same_photos_and_settings_are_not_trained_again_and_others_of_the_name_are_refused(
    studio: Studio, image: Any, anna: Any
):
    train = node("TrainPerson")
    again = train.execute(["Anna"], [True], ["built-in"], [0], [image(350, color=TAN)])
    assert again.args[0] == anna
    with pytest.raises(Exception, match=r"\(training.name-taken\)"):
        train.execute(["Anna"], [True], ["built-in"], [0], [image(300, color=TAN)])
    there = train.fingerprint_inputs(["Anna"], [""])
    studio.library.remove(anna.id)
    assert train.fingerprint_inputs(["Anna"], [""]) != there
    assert b"nna" not in b"".join(file.read_bytes() for file in studio.paths.root.rglob("*.json"))


def test_a_person_is_chosen_from_a_list_that_is_made_anew(studio: Studio, image: Any):
    load = node("LoadPerson")
    assert load.define_schema().inputs[0].options == ["-"]
    assert "(comfyui.nobody-chosen)" in load.validate_inputs("-")
    node("TrainPerson").execute(["Anna"], [True], ["built-in"], [0], [image(350, color=TAN)])
    assert load.define_schema().inputs[0].options == ["anna"]
    assert load.validate_inputs("anna") is True
    chosen = load.execute("anna").args[0]
    assert load.fingerprint_inputs("anna") == chosen.created
    assert "(library.no-person)" in load.validate_inputs("bob")


def test_every_picture_of_a_batch_gets_the_person(studio: Studio, anna: Any, image: Any, host: FakeComfyui):
    import torch

    host.shown.clear()
    images, report, settings = put(image=torch.cat([image(200, 500), image(200, 500)]), person=anna, face=2).args
    assert tuple(images.shape) == (2, 500, 700, 3)
    for number in range(2):
        assert not is_tan(color_at(images, 200, number)) and is_tan(color_at(images, 500, number))
    assert "looks like the same person" in report
    assert "EasyPhoto persons: " in settings and "Anna" not in settings
    values = [value for value, _, _ in host.shown]
    assert values == sorted(values) and values[-1] > 500
    assert {where for _, _, where in host.shown} == {"7"}
    assert list(studio.paths.portraits.rglob("*")) == []


def test_a_mask_chooses_the_face_and_keeps_what_is_outside(studio: Studio, anna: Any, image: Any):
    import torch

    given = image(200, 500)
    mask = torch.zeros(1, 500, 700)
    mask[:, :, 430:570] = 1
    made = put(image=given, person=anna, mask=mask).args[0]
    assert is_tan(color_at(made, 500)) and not is_tan(color_at(made, 200))
    assert torch.equal((made[:, :, :400] * 255).round(), (given[:, :, :400] * 255).round())
    assert is_tan(color_at(put(image=given, person=anna, mask=torch.zeros(1, 64, 64)).args[0], 200))
    mask[:] = 0
    mask[:, :, 300:400] = 1
    with pytest.raises(Exception, match=r"\(comfyui.no-face-in-mask\)"):
        put(image=given, person=anna, mask=mask)


def test_photos_stand_in_for_a_person_with_consent(studio: Studio, image: Any):
    photo = image(350, color=TAN)
    made = put(image=image(200, 500), photo_1=photo, photo_3=photo, consent=True, face=2).args[0]
    assert is_tan(color_at(made, 500)) and not is_tan(color_at(made, 200))
    assert studio.library.list() == ()
    with pytest.raises(Exception, match=r"\(quick.no-consent\)"):
        put(image=image(200), photo_1=photo)


def test_what_cannot_be_is_told_with_its_code(studio: Studio, anna: Any, image: Any):
    refused = {
        "comfyui.person-or-photos": {},
        "comfyui.no-such-face": {"person": anna, "face": 3},
        "comfyui.part-missing": {"person": anna, "model": fake_model()},
        "comfyui.other-family": {"person": anna, "model": fake_model("Flux"), "clip": fake_clip(), "vae": object()},
        "comfyui.inpainting-model": {"person": anna, "model": fake_model(channels=9), "clip": 1, "vae": 1},
    }
    for code, given in refused.items():
        with pytest.raises(Exception, match=rf"\({code}\)"):
            put(image=image(350), **given)


def test_the_button_of_the_host_ends_the_work_as_its_own(host: FakeComfyui, studio: Studio, anna: Any, image: Any):
    host.interrupted = True
    with pytest.raises(Interrupted):
        put(image=image(350), person=anna)
    with pytest.raises(Interrupted):
        node("TrainPerson").execute(["Ben"], [True], ["built-in"], [0], [image(350)])


def test_a_lora_that_is_not_there_or_does_not_fit_is_told(studio: Studio, anna: Any):
    with pytest.raises(Exception, match=r"\(comfyui.no-lora\)"):
        node("PersonLora").execute(fake_model(), fake_clip(), anna, 0.9, 0.9)


def test_a_lora_is_applied_whole_or_refused(tmp_path: Path, host: FakeComfyui):
    from easyphoto.engines.comfyui.lora import with_lora

    file = write_lora(tmp_path / "anna.safetensors", numbered_modules(3))
    names = set(numbered_modules(3))
    model, clip = fake_model(known=names - {"lora_unet_2"}), fake_clip({"lora_unet_2"})
    patched, encoder = with_lora(model, clip, file, (0.7, 0.3))
    assert patched.patches["lora_unet_0"] == [0.7] and encoder.patcher.patches == {"lora_unet_2": [0.3]}
    assert model.patches == {} and clip.patcher.patches == {}
    with pytest.raises(Exception, match="Only 2 of the LoRA's 3 modules"):
        with_lora(model, fake_clip(), file, (1, 1))


def test_saved_pictures_say_that_they_were_made_by_ai(host: FakeComfyui, image: Any):
    saved = node("SavePortrait").execute(image(350), "EasyPhoto", "a prompt\nSteps: 3")
    (one,) = saved.ui["images"]
    file = host.folder / "output" / one["filename"]
    assert AI_MADE.encode() in file.read_bytes() and b"workflow" not in file.read_bytes()
    assert read_infotext(file).startswith("a prompt")
    assert Image.open(file).size == (700, 500)


def test_nothing_heavy_comes_with_the_nodes():
    import subprocess

    code = (
        "import sys, pytest, pathlib, tempfile; sys.path.insert(0, 'tests/comfyui'); sys.path.insert(0, 'tests');"
        "from fake_comfyui import open_comfyui;"
        "open_comfyui(pathlib.Path(tempfile.mkdtemp()), pytest.MonkeyPatch()); before = set(sys.modules);"
        "import easyphoto.comfyui.extension as made; [one.define_schema() for one in made.NODES];"
        "print(*sorted(set(sys.modules) - before))"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert not {"torch", "cv2", "gradio", "onnxruntime", "diffusers", "skimage"} & set(done.stdout.split())


def test_a_person_who_was_trained_anew_is_another_one(studio: Studio, anna: Any, image: Any):
    from dataclasses import replace

    with pytest.raises(Exception, match=r"\(library.no-person\)"):
        put(image=image(350), person=replace(anna, created="1999-01-01T00:00:00+00:00"))
    people: tuple[Person, ...] = studio.library.list()
    assert [one.name for one in people] == ["Anna"]
