"""A client of the original extension, written from its field list alone."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_world import World, b64, png, world
from fake_studio import make_person
from fakes import FakeEngine
from PIL import Image

from easyphoto.domain import ModelFamily
from easyphoto.errors import TrainingFailed

TRAIN_FORM: dict[str, Any] = {
    "sd_model_checkpoint": "built-in",
    "id_task": "",
    "user_id": "tmp",
    "train_mode_choose": "Train Human Lora",
    "resolution": 512,
    "val_and_checkpointing_steps": 100,
    "max_train_steps": 800,
    "steps_per_photos": 200,
    "train_batch_size": 1,
    "gradient_accumulation_steps": 4,
    "dataloader_num_workers": 16,
    "learning_rate": 1e-4,
    "rank": 128,
    "network_alpha": 64,
    "instance_images": [],
    "validation": True,
    "enable_rl": False,
    "max_rl_time": 1,
    "timestep_fraction": 1,
    "skin_retouching_bool": False,
    "training_prefix_prompt": "",
    "crop_ratio": 3,
    "args": "",
}

INFER_FORM: dict[str, Any] = {
    "user_ids": ["Ann"],
    "sd_model_checkpoint": "built-in",
    "selected_template_images": [],
    "init_image": "",
    "uploaded_template_images": [],
    "tabs": 1,
    "text_to_image_input_prompt": "",
    "text_to_image_width": 624,
    "text_to_image_height": 832,
    "t2i_control_way": "Control with inner template",
    "t2i_pose_template": None,
    "scene_id": "none",
    "prompt_generate_sd_model_checkpoint": "LZ-16K+Optics.safetensors",
    "additional_prompt": "",
    "additional_neg_prompt": "",
    "lora_weights": 0.9,
    "first_diffusion_steps": 50,
    "first_denoising_strength": 0.45,
    "second_diffusion_steps": 20,
    "second_denoising_strength": 0.35,
    "seed": -1,
    "batch_size": 1,
    "crop_face_preprocess": True,
    "before_face_fusion_ratio": 0.5,
    "after_face_fusion_ratio": 0.5,
    "apply_face_fusion_before": True,
    "apply_face_fusion_after": True,
    "color_shift_middle": True,
    "color_shift_last": True,
    "super_resolution": True,
    "super_resolution_method": "gpen",
    "super_resolution_ratio": 0.5,
    "skin_retouching_bool": False,
    "display_score": False,
    "background_restore": False,
    "background_restore_denoising_strength": 0.35,
    "makeup_transfer": False,
    "makeup_transfer_ratio": 0.5,
    "face_shape_match": False,
    "id_control": False,
    "ipa_weight": 0.5,
    "ref_mode_choose": "Infer with User Lora",
    "ipa_only_weight": 0.6,
    "lcm_accelerate": False,
    "enable_second_diffusion": True,
}


class OldClient:
    """Speaks as the original's own test clients do: a JSON text, and no word on its type."""

    def __init__(self, w: World) -> None:
        self._client = w.client

    def _call(self, route: str, form: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(f"/easyphoto/{route}", content=json.dumps(form))
        assert answer.status_code == 200
        return answer.json()

    def train(self, **changes: Any) -> dict[str, Any]:
        return self._call("easyphoto_train_forward", {**TRAIN_FORM, **changes})

    def infer(self, **changes: Any) -> dict[str, Any]:
        return self._call("easyphoto_infer_forward", {**INFER_FORM, **changes})

    def infer_with(self, **form: Any) -> dict[str, Any]:
        return self._call("easyphoto_infer_forward", form)


@pytest.fixture
def w(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        make_person(made.studio.paths, "Ann")
        yield made


@pytest.fixture
def old(w: World) -> OldClient:
    return OldClient(w)


def opened(text: str) -> Image.Image:
    picture = Image.open(io.BytesIO(base64.b64decode(text)))
    assert picture.format == "PNG"
    return picture


# ---------------------------------------------------------------- train


@pytest.fixture(autouse=True)
def consent_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The original's clients know no such field."""
    monkeypatch.setenv("EASYPHOTO_LEGACY_CONSENT", "1")


def test_train_asks_for_consent_before_anything_is_stored(w, old, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("EASYPHOTO_LEGACY_CONSENT")
    for given in ({}, {"consent": False}, {"consent": "yes"}):
        message = old.train(instance_images=[b64(png())], **given)["message"]
        assert '"consent": true' in message and "EASYPHOTO_LEGACY_CONSENT=1" in message
    assert [f.name for f in w.studio.paths.jobs.iterdir() if f.is_dir()] == []
    assert "finished" in old.train(instance_images=[b64(png())], consent=True)["message"]


def test_train(old, w):
    answer = old.train(instance_images=[b64(png()), b64(png("blue"))], user_id="Zoë")
    assert set(answer) == {"message"}
    assert "finished" in answer["message"]
    assert "Not supported" not in answer["message"]
    _, request, photos = w.studio.calls[-1]
    assert len(photos) == 2
    assert (request.person, request.consent, request.base_model) == ("Zoë", True, "built-in")
    assert (request.resolution, request.save_steps, request.max_steps, request.steps_per_photo) == (512, 100, 800, 200)
    assert (request.batch_size, request.accumulation) == (1, 4)
    assert (request.learning_rate, request.text_encoder_lr) == (1e-4, 5e-5)
    assert (request.rank, request.alpha, request.validation, request.retouch) == (128, 64, True, False)
    assert "zoe" in [p.id for p in w.studio.library.list()]


def test_train_without_anything_but_photos(old, w):
    answer = old._call("easyphoto_train_forward", {"instance_images": [b64(png())]})
    assert "built-in base model was used" in answer["message"]
    assert w.studio.calls[-1][1].person == "tmp"
    again = old._call("easyphoto_train_forward", {"instance_images": [b64(png())]})
    assert "exists" in again["message"]


def test_train_numbers_may_be_texts(old, w):
    old.train(instance_images=[b64(png())], resolution="256", learning_rate="2e-4")
    request = w.studio.calls[-1][1]
    assert (request.resolution, request.text_encoder_lr) == (256, 1e-4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"enable_rl": True}, "Not supported and not applied: enable_rl"),
        ({"training_prefix_prompt": "a beach"}, "training_prefix_prompt"),
        ({"crop_ratio": 2}, "crop_ratio"),
        ({"wish": 1}, "Unknown and not applied: wish"),
    ],
)
def test_train_names_what_it_does_not_do(old, w, changes, said):
    assert said in old.train(instance_images=[b64(png())], **changes)["message"]
    assert w.studio.calls


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"train_mode_choose": "Train Scene Lora"}, "Train Scene Lora"),
        ({"instance_images": []}, "instance_images"),
        ({"instance_images": "!"}, "base64"),
        ({"resolution": "large"}, "resolution"),
        ({"rank": 8}, "alpha"),
        ({"user_id": 5}, "user_id"),
        ({"validation": "yes"}, "validation"),
        ({"sd_model_checkpoint": "unheard-of.safetensors"}, "unheard-of"),
    ],
)
def test_train_refuses_with_a_message(old, w, changes, said):
    answer = old.train(**{"instance_images": [b64(png())], **changes})
    assert set(answer) == {"message"}
    assert said in answer["message"]
    assert w.studio.calls == []


def test_train_failure_is_a_message(old, w):
    w.studio.fails = TrainingFailed(
        "plain", text="The trainer broke.", exit_code=1, last_lines=(), log="", remedy="Look at the log."
    )
    assert old.train(instance_images=[b64(png())])["message"].startswith("The trainer broke. Look at the log.")


# ---------------------------------------------------------------- infer


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
