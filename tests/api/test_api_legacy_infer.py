"""The original's portrait route: its form, tabs, scores and messages."""

from __future__ import annotations

import base64
import io

import pytest
from api_world import b64, png
from fakes import FakeEngine
from PIL import Image

from easyphoto.api import legacy
from easyphoto.api.legacy import USUAL_CHECKPOINT
from easyphoto.domain import ModelFamily
from easyphoto.locales import message

pytestmark = pytest.mark.usefixtures("consent_for_all")


def opened(text: str) -> Image.Image:
    picture = Image.open(io.BytesIO(base64.b64decode(text)))
    assert picture.format == "PNG"
    return picture


def test_infer(old, w):
    answer = old.infer(init_image=b64(png("blue", (33, 44))), seed=3, additional_prompt="smile", lora_weights=0.7)
    assert set(answer) == {"message", "outputs", "face_id_outputs"}
    assert [opened(text).size for text in answer["outputs"]] == [(33, 44)]
    assert answer["face_id_outputs"] == []
    assert "Not supported" not in answer["message"]
    request = w.studio.calls[-1][1]
    assert request.persons == ("ann",)
    assert (request.seed, request.lora_weight, request.second_denoising_strength) == (3, 0.7, 0.35)
    assert request.prompt.endswith(", smile")


def test_infer_defaults_of_the_api_column(old, w):
    w.studio.engine = FakeEngine(ModelFamily.SD15)
    old.infer_with(user_ids="ann", init_image=b64(png()))
    request = w.studio.calls[-1][1]
    assert (request.second_denoising_strength, request.first_denoising_strength) == (0.35, 0.45)
    assert (request.fusion_before_ratio, request.fusion_after_ratio, request.lora_weight) == (0.5, 0.5, 0.9)
    assert (request.first_steps, request.second_steps, request.seed, request.retouch) == (50, 20, -1, False)


def test_infer_tabs(old, w):
    pictures = [b64(png("red", (10, 10))), b64(png("blue", (20, 20)))]
    gallery = old.infer(tabs=0, selected_template_images=pictures)
    batch = old.infer(tabs="2", uploaded_template_images=pictures)
    for answer in (gallery, batch):
        assert [opened(text).size for text in answer["outputs"]] == [(10, 10), (20, 20)]
    assert "tabs 3" in old.infer(tabs=3)["message"]


def test_infer_batch_has_seeds_of_its_own(old, w):
    pictures = [b64(png("red", (10, 10))), b64(png("blue", (20, 20)))]
    answer = old.infer(tabs=2, uploaded_template_images=pictures, batch_size=2, seed=2**32 - 1)
    assert [opened(text).width for text in answer["outputs"]] == [10, 10, 20, 20]
    assert sorted({call[1].seed for call in w.studio.calls}) == [0, 2**32 - 1]


def test_infer_scores(old):
    answer = old.infer(init_image=b64(png()), display_score=True)
    [[reference, text]] = answer["face_id_outputs"]
    assert opened(reference).size == (40, 40)
    assert base64.b64decode(text).decode().startswith("0.40 (distance, lower is nearer), ann")


def test_infer_keeps_what_could_be_made(old):
    answer = old.infer(tabs=2, uploaded_template_images=[b64(b"no picture"), b64(png())])
    assert len(answer["outputs"]) == 1
    assert "picture-0001" in answer["message"]


def test_infer_leaves_faces_of_nobody(old, w):
    old.infer(user_ids=["none", "Ann"], init_image=b64(png()))
    assert w.studio.calls[-1][1].persons == ("", "ann")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"background_restore": True}, "background_restore"),
        ({"makeup_transfer": True}, "makeup_transfer"),
        ({"id_control": True}, "id_control"),
        ({"lcm_accelerate": True}, "lcm_accelerate"),
        ({"face_shape_match": True}, "face_shape_match"),
        ({"super_resolution_method": "realesrgan"}, "super_resolution_method"),
        ({"ref_mode_choose": "Infer without User Lora"}, "ref_mode_choose"),
        ({"ipa_image": "AAAA"}, "ipa_image"),
        ({"wish": 1}, "Unknown and not applied: wish"),
    ],
)
def test_infer_names_what_it_does_not_do(old, changes, said):
    answer = old.infer(init_image=b64(png()), **changes)
    assert said in answer["message"]
    assert len(answer["outputs"]) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"user_ids": ["nobody"]},
        {"user_ids": ["../../etc"]},
        {"user_ids": 5},
        {"user_ids": ["ann:1>", "\0"]},
        {"init_image": ""},
        {"init_image": "AAAA"},
        {"init_image": {"a": 1}},
        {"first_denoising_strength": 2},
        {"first_denoising_strength": "strong"},
        {"seed": 1e300},
        {"batch_size": 0},
        {"batch_size": 1000},
        {"tabs": None},
        {"sd_model_checkpoint": ["x"]},
        {"additional_prompt": 5},
    ],
)
def test_infer_refuses_with_a_message_and_no_pictures(old, changes):
    answer = old.infer(**{"init_image": b64(png()), **changes})
    assert answer["message"]
    assert (answer["outputs"], answer["face_id_outputs"]) == ([], [])


def test_a_browser_must_say_json(w):
    headers = {"Origin": "http://127.0.0.1:7860"}
    assert w.client.post("/easyphoto/easyphoto_infer_forward", content="{}", headers=headers).status_code == 415


def test_a_checkpoint_that_clients_name_unasked_gives_way_to_the_one_that_is_loaded(old, w, monkeypatch):
    answer = old.infer(init_image=b64(png()), sd_model_checkpoint=USUAL_CHECKPOINT)
    assert len(answer["outputs"]) == 1
    assert f"{USUAL_CHECKPOINT} is not here; the built-in base model was used." in answer["message"]
    monkeypatch.setattr(legacy, "_families", lambda context, persons: {ModelFamily.SDXL} if "ann" in persons else set())
    refused = old.infer(init_image=b64(png()), sd_model_checkpoint=USUAL_CHECKPOINT)
    assert refused["outputs"] == []
    assert USUAL_CHECKPOINT in refused["message"]
    assert old.infer(init_image=b64(png()), sd_model_checkpoint="typo")["outputs"] == []


def test_notes_on_a_portrait_are_told(old, w):
    note = message("webui.note.other-sampler", name="Heun")
    w.studio.notes = (note,)
    answer = old.infer(tabs=2, uploaded_template_images=[b64(png()), b64(png("blue"))])
    assert answer["message"].count(str(note)) == 1


def test_videos_are_refused_in_the_form_of_the_original(old):
    answer = old._call("easyphoto_video_infer_forward", {"user_ids": ["Ann"]})
    assert (answer["outputs"], "not supported" in answer["message"]) == ([], True)
