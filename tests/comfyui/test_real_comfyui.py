"""All nodes in a real ComfyUI, through its HTTP interface; see real_comfyui.py for how to name one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lora_files import write_lora
from PIL import Image
from real_comfyui import ROOT, RealComfyui, node, running

from easyphoto.domain import LoraCheckpoint, ModelFamily, TrainingSet
from easyphoto.images import read_infotext
from easyphoto.images.saving import AI_MADE
from easyphoto.library import Library, PersonDraft
from easyphoto.paths import Paths

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

PHOTO = {"1": node("LoadImage", image="photo.png")}
TEMPLATE = {"2": node("LoadImage", image="template.png")}
MODELS = {
    "3": node("CheckpointLoaderSimple", ckpt_name="tiny.safetensors"),
    "4": node("VAELoader", vae_name="tiny.safetensors"),
}
WIRED: dict[str, Any] = {"model": ["3", 0], "clip": ["3", 1], "vae": ["4", 0]}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealComfyui]:
    base = tmp_path_factory.mktemp("comfyui")
    with running(base) as started:
        shutil.copy(ROOT / "models" / "samples" / "astronaut.png", base / "input" / "photo.png")
        with Image.open(ROOT / "models" / "templates" / "denim.jpg") as template:
            template.save(base / "input" / "template.png")
        yield started


@pytest.fixture(scope="module")
def eileen(host: RealComfyui) -> str:
    """Trained by the node with the built-in model."""
    done = host.run(PHOTO | {"5": train()})
    assert done["outputs"]["5"]["text"] == ["Eileen"]
    return "eileen"


@pytest.fixture(scope="module")
def painted(host: RealComfyui, eileen: str) -> str:
    """The same person with a LoRA that fits the tiny checkpoint."""
    library = Library(data(host))
    person = library.open(eileen)
    folder = host.base / "made"
    unet = [f"lora_unet_{part}_attentions_0_transformer_blocks_0" for part in ("down_blocks_3", "mid_block")]
    names = [f"{block}_{layer}" for block in unet for layer in ("attn1_to_q", "attn1_to_k")]
    weights = {name: (np.full((320, 2), 1e-3, np.float16), np.full((2, 320), 1e-3, np.float16)) for name in names}
    file = write_lora(folder / "lora.safetensors", weights, alpha=2.0)
    kept = TrainingSet(folder, person.photos, "", person.reference, (), np.zeros((1, 3), np.float32), (), person.photos)
    return library.create(PersonDraft("Painted", kept, LoraCheckpoint(file, ModelFamily.SD15, 2, 10))).id


def data(host: RealComfyui) -> Paths:
    return Paths(host.base / "user" / "__easyphoto")


def train(**changes: Any) -> dict[str, Any]:
    given = {"name": "Eileen", "consent": True, "base_model": "built-in", "steps": 0, "photos": ["1", 0]}
    return node("EasyPhotoTrainPerson", **{**given, **changes})


def put(**given: Any) -> dict[str, Any]:
    """The node with a saver and its report behind it."""
    asked = {"image": ["2", 0], "strength": "natural", "face": 1, "seed": 1, **given}
    return {
        "6": node("EasyPhotoPutPerson", **asked),
        "7": node("EasyPhotoSavePortrait", images=["6", 0], filename_prefix="EasyPhoto", settings=["6", 2]),
        "8": node("PreviewAny", source=["6", 1]),
    }


def saved(host: RealComfyui, done: dict[str, Any]) -> Path:
    assert "7" in done["outputs"], done
    return host.base / "output" / done["outputs"]["7"]["images"][0]["filename"]


def test_all_nodes_are_there(host: RealComfyui):
    nodes = {name for name in host.get("/object_info") if name.startswith("EasyPhoto")}
    ends = ("CheckPhotos", "TrainPerson", "LoadPerson", "PutPerson", "PersonLora", "SavePortrait")
    assert nodes == {f"EasyPhoto{end}" for end in ends}


def test_photos_are_checked(host: RealComfyui):
    done = host.run(PHOTO | {"5": node("EasyPhotoCheckPhotos", photos=["1", 0])})
    assert done["outputs"]["5"]["text"][0].startswith("picture-001: kept, with a warning")


def test_a_missing_consent_and_an_unknown_person_are_refused_before_anything_runs(host: RealComfyui):
    refused = host.post("/prompt", {"prompt": PHOTO | {"5": train(consent=False)}})["node_errors"]["5"]["errors"]
    assert "(training.no-consent)" in refused[0]["details"]
    workflow = TEMPLATE | {"5": node("EasyPhotoLoadPerson", person="nobody")} | put(person=["5", 0])
    (refused,) = host.post("/prompt", {"prompt": workflow})["node_errors"]["5"]["errors"]
    assert refused["extra_info"] == {"input_name": "person"} and "(library.no-person)" in refused["details"]


def test_a_trained_person_is_listed_and_put_into_a_picture(host: RealComfyui, eileen: str):
    listed = host.get("/object_info/EasyPhotoLoadPerson")["EasyPhotoLoadPerson"]["input"]["required"]["person"]
    assert eileen in listed[1]["options"]
    done = host.run(TEMPLATE | {"5": node("EasyPhotoLoadPerson", person=eileen)} | put(person=["5", 0], mask=["2", 1]))
    file = saved(host, done)
    assert AI_MADE.encode() in file.read_bytes() and eileen.encode() not in file.read_bytes()
    assert "EasyPhoto persons: " in read_infotext(file)
    assert "person" in done["outputs"]["8"]["text"][0]
    begun = time.monotonic()
    assert "execution_success" in host.run(PHOTO | {"5": train()})  # the same photos: nothing is trained
    assert time.monotonic() - begun < 20


def test_photos_stand_in_for_a_person_and_a_failure_is_told_in_the_node(host: RealComfyui):
    quick = PHOTO | TEMPLATE | put(photo_1=["1", 0], consent=True)
    assert saved(host, host.run(quick)).is_file()
    error = host.run(PHOTO | TEMPLATE | put(photo_1=["1", 0], consent=True, face=9))["execution_error"]
    assert error["node_id"] == "6"
    assert error["exception_message"].startswith("Face 9 was asked for, and 1 were found.\n")
    assert "(comfyui.no-such-face)" in error["exception_message"]


def test_the_workflows_own_models_repaint_the_face(host: RealComfyui, painted: str):
    control = {"9": node("ControlNetLoader", control_net_name="tiny_canny.safetensors")}
    person = {"5": node("EasyPhotoLoadPerson", person=painted)}
    done = host.run(TEMPLATE | MODELS | control | person | put(person=["5", 0], canny_controlnet=["9", 0], **WIRED))
    report = done["outputs"]["8"]["text"][0]
    assert "No pose ControlNet" in report and "No canny ControlNet" not in report
    assert "no LoRA" not in report
    assert "Model: workflow" in read_infotext(saved(host, done))


def test_a_button_ends_it(host: RealComfyui, painted: str):
    person = {"5": node("EasyPhotoLoadPerson", person=painted)}
    prompt = host.start(TEMPLATE | MODELS | person | put(person=["5", 0], **WIRED | {"seed": 99}))
    time.sleep(5)
    host.post("/interrupt", {})
    assert "execution_interrupted" in host.end(prompt)


def test_the_persons_lora_is_put_on_the_workflows_models(host: RealComfyui, painted: str, eileen: str):
    def workflow(person: str) -> dict[str, Any]:
        lora = {"person": ["5", 0], "strength_model": 0.9, "strength_clip": 0.9, "model": ["3", 0], "clip": ["3", 1]}
        sampled = {"model": ["6", 0], "positive": ["7", 0], "negative": ["7", 0], "latent_image": ["8", 0]}
        options = {"seed": 1, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}
        return MODELS | {
            "5": node("EasyPhotoLoadPerson", person=person),
            "6": node("EasyPhotoPersonLora", **lora),
            "7": node("CLIPTextEncode", clip=["6", 1], text=["6", 2]),
            "8": node("EmptyLatentImage", width=64, height=64, batch_size=1),
            "9": node("KSampler", **sampled, **options),
            "10": node("VAEDecode", samples=["9", 0], vae=["4", 0]),
            "11": node("PreviewImage", images=["10", 0]),
        }

    assert "11" in host.run(workflow(painted))["outputs"]
    assert "(comfyui.no-lora)" in host.run(workflow(eileen))["execution_error"]["exception_message"]


def test_nothing_of_the_persons_is_served_or_lies_where_results_lie(host: RealComfyui, eileen: str):
    manifest = f"persons/{eileen}/manifest.json"
    assert (data(host).root / manifest).is_file()
    for path in (
        f"/view?filename=manifest.json&type=output&subfolder=../user/__easyphoto/persons/{eileen}",
        f"/userdata/..%2F__easyphoto%2F{manifest.replace('/', '%2F')}",
        f"/extensions/easyphoto/{manifest}",
    ):
        assert host.status(path) in (400, 403, 404), path
    uploaded = {file.name for file in (host.base / "input").rglob("*") if file.is_file()}
    assert uploaded == {"photo.png", "template.png"}
    assert not list(data(host).jobs.glob(".request-*"))
    assert data(host).root.stat().st_mode & 0o077 == 0
