"""The original's training route: consent first, its form, its messages."""

from __future__ import annotations

import pytest
from api_world import b64, png

from easyphoto.errors import TrainingFailed

pytestmark = pytest.mark.usefixtures("consent_for_all")


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
