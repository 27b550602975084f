"""ControlNet in a host of recorded interfaces: units as asked, or a sentence, never a silent plain picture."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_webui import FakeWebui
from lora_files import write_zeros
from PIL import Image

from easyphoto.domain import ControlHint, HintKind, RenderJob
from easyphoto.engines.webui.engine import WebuiEngine
from easyphoto.errors import MissingModel, RenderFailed
from easyphoto.progress import Cancelled, Step, silent

SIDES = {"a1111": (64, 72), "forge": (64, 72), "forge_neo": (64, 128), "reforge": (64, 72)}
CANNY, TILE = "control_v11p_sd15_canny [a7b23cc4]", "control_v11f1e_sd15_tile [a371b31b]"


def hinted(job: RenderJob, kinds: Sequence[HintKind], required: bool = False) -> RenderJob:
    hints = tuple(ControlHint(kind, job.picture, 0.7, required and kind is HintKind.CANNY) for kind in kinds)
    return replace(job, hints=hints)


def test_units_are_as_the_host_wants_them(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    webui.controls[TILE] = Path("tile.pth")
    result = engine.render(hinted(host_job, [HintKind.CANNY, HintKind.TILE]), silent)
    assert result.notes == ()
    canny, tile = webui.calls[0].script_args
    assert (canny.model, tile.model) == (CANNY, TILE)
    assert (canny.enabled, canny.weight) == (True, 0.7)
    assert canny.picture.shape == (*SIDES[webui.kind], 3)
    modes = [getattr(mode, "value", mode) for mode in (canny.resize_mode, canny.control_mode)]
    assert modes == ["Just Resize", "Balanced"]
    assert (canny.guidance_start, canny.guidance_end) == (0.0, 1.0)
    assert webui.swallowed == []


@pytest.mark.parametrize(
    ("model", "colors"), [("t2iadapter_color_sd14v1 [8522029d]", 1), ("control_sd15_random_color [5be4c3b6]", 2)]
)
def test_the_color_hint_has_the_blocks_its_model_was_trained_on(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, model: str, colors: int
):
    webui.controls[model] = Path("color.pth")
    halves = Image.new("RGB", host_job.picture.size, (200, 0, 0))
    halves.paste((0, 0, 200), (0, 0, halves.width // 2, halves.height))
    engine.render(replace(host_job, hints=(ControlHint(HintKind.COLOR, halves, 0.8),)), silent)
    image = webui.calls[0].script_args[0].picture  # 72 x 64: one block of 64 px; 128 x 64 in Forge Neo
    blocks = image.shape[1] // 64
    assert len(np.unique(image.reshape(-1, 3), axis=0)) == max(colors, blocks)


def test_a_black_hint_works_in_forge_too(forge: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    job = replace(host_job, hints=(ControlHint(HintKind.CANNY, Image.new("RGB", host_job.picture.size), 1.0),))
    engine.render(job, silent)
    assert forge.calls[0].script_args[0].image_fg.shape == (64, 72, 4)


def test_more_units_than_the_hosts_setting_and_nothing_shared_is_touched(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    shared = webui.scripts.scripts_img2img.alwayson_scripts[0]
    engine.render(hinted(host_job, [HintKind.CANNY] * 5), silent)
    runner = webui.calls[0].scripts
    (own,) = runner.alwayson_scripts
    assert (own.args_from, own.args_to) == (0, 5)
    assert runner is not webui.scripts.scripts_img2img
    assert own is not shared
    assert (shared.args_from, shared.args_to) == (20, 23)
    assert "process" not in vars(shared)


def test_is_api_is_set_before_the_scripts_else_widgets_overwrite_the_job(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    engine.render(hinted(host_job, [HintKind.CANNY]), silent)
    assert (webui.calls[0].steps, webui.calls[0].seed) == (4, 7)


def test_a_missing_optional_model_is_noted_a_required_one_is_named(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    result = engine.render(hinted(host_job, [HintKind.CANNY, HintKind.TILE], required=True), silent)
    assert [str(note) for note in result.notes] == ["No tile ControlNet for sd15: that control image was left out."]
    assert len(webui.calls[0].script_args) == 1
    del webui.controls[CANNY]
    with pytest.raises(MissingModel, match="canny") as caught:
        engine.render(hinted(host_job, [HintKind.CANNY], required=True), silent)
    assert "control_v11p_sd15_canny" in caught.value.file
    assert str(webui.root / "CN") in caught.value.remedy
    assert len(webui.calls) == 1
    assert engine.render(hinted(host_job, [HintKind.CANNY]), silent).notes
    assert webui.calls[1].scripts.alwayson_scripts == []


def test_a_file_that_was_put_there_meanwhile_is_found(a1111: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    code = sys.modules["internal_controlnet.external_code"]
    listed: list[str] = []

    def get_models(update: bool = False) -> list[str]:
        if update:
            listed.append(CANNY)
        return listed

    code.get_models = get_models  # type: ignore[attr-defined]
    assert engine.render(hinted(host_job, [HintKind.CANNY], required=True), silent).notes == ()


@pytest.mark.parametrize(
    ("how", "problems", "remedy"),
    [
        ("absent", ("not installed", "is missing"), "nstall"),
        ("disabled", ("switched off",) * 2, "Enable"),
        ("broken", ("failed to load",) * 2, "console"),
    ],
)
def test_without_controlnet_it_is_said_why(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, how: str, problems: tuple[str, str], remedy: str
):
    problem = problems[webui.forge]  # Forge and what was made from it allow no ControlNet but their own
    webui.scripts.scripts_img2img.alwayson_scripts.clear()
    if how == "absent":
        webui.extensions.extensions[0].name = "narrow-controlnet-helper"
    if how == "disabled":
        webui.extensions.extensions[0].enabled = False
    (note,) = engine.render(hinted(host_job, [HintKind.CANNY]), silent).notes
    assert problem in str(note)
    with pytest.raises(MissingModel, match=problem) as caught:
        engine.render(hinted(host_job, [HintKind.CANNY], required=True), silent)
    assert remedy in caught.value.remedy
    assert len(webui.calls) == 1


def test_a_controlnet_that_cannot_be_driven_is_told_to_be_updated(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, monkeypatch: pytest.MonkeyPatch
):
    package = "lib_controlnet" if webui.forge else "internal_controlnet"
    monkeypatch.setitem(sys.modules, f"{package}.external_code", None)
    with pytest.raises(MissingModel, match="too old"):
        engine.render(hinted(host_job, [HintKind.CANNY], required=True), silent)
    assert engine.render(hinted(host_job, [HintKind.CANNY]), silent).notes


def test_what_the_host_swallows_is_told_with_the_units(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    webui.controls[TILE] = Path("tile.pth")
    webui.broken_controls, webui.steps, webui.pause = {TILE}, 50, 0.02
    with pytest.raises(RenderFailed, match="cannot read control_v11f1e") as caught:
        engine.render(hinted(host_job, [HintKind.CANNY, HintKind.TILE]), silent)
    assert CANNY in caught.value.file
    assert TILE in caught.value.file
    assert webui.swallowed == ["process"]
    assert webui.state.sampling_step == 0, "no time is lost on a picture nobody wants"
    assert webui.hooked == []


def test_fewer_control_pictures_than_units_is_a_failure(a1111: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    a1111.returns_maps = False
    with pytest.raises(RenderFailed, match="0 control images"):
        engine.render(hinted(host_job, [HintKind.CANNY]), silent)


def test_control_pictures_come_back_whatever_the_host_is_set_to(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    webui.options.data["control_net_no_detectmap"] = True
    engine.render(hinted(host_job, [HintKind.CANNY]), silent)
    assert webui.seen["control_net_no_detectmap"] is False
    assert webui.options.data["control_net_no_detectmap"] is True


@pytest.mark.parametrize("trouble", ["failure", "cancel"])
def test_the_model_is_unhooked_after_an_exception(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, trouble: str
):
    def report(step: Step) -> None:
        if trouble == "cancel" and step.done:
            raise Cancelled

    webui.pause, webui.steps = 0.02, 20
    webui.failure = RuntimeError("broken") if trouble == "failure" else None
    with pytest.raises((RenderFailed, Cancelled)):
        engine.render(hinted(host_job, [HintKind.CANNY]), report)
    assert webui.hooked == []


def test_the_hosts_script_learns_which_checkpoint_its_models_were_fitted_to(
    a1111: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    engine.render(replace(hinted(host_job, [HintKind.CANNY]), checkpoint="two"), silent)
    assert a1111.scripts.scripts_img2img.alwayson_scripts[0].latest_model_hash == "two.safetensors"


def control(file: Path, large: bool) -> Path:
    names = ["control_model.input_hint_block.0.weight", *(["control_model.label_emb.0.0.weight"] if large else [])]
    return write_zeros(file, names)


def test_the_header_outweighs_the_name(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob, tmp_path: Path):
    webui.controls.clear()
    wrong, own = "control_v11p_sd15_canny [0]", "my own canny [1]"
    webui.controls |= {
        wrong: control(tmp_path / "a.safetensors", True),
        own: control(tmp_path / "b.safetensors", False),
    }
    engine.render(hinted(host_job, [HintKind.CANNY]), silent)
    assert webui.calls[0].script_args[0].model == own


def test_a_pickle_of_an_unknown_name_is_not_guessed_at(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    webui.controls.clear()
    webui.controls["my own canny [1]"] = Path("my own canny.pth")
    assert engine.render(hinted(host_job, [HintKind.CANNY]), silent).notes


def test_an_sd15_controlnet_never_serves_sdxl_and_a_union_is_told_what_it_sees(
    webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob
):
    entry = webui.entries[0]
    names = ["model.diffusion_model.x", "conditioner.embedders.1.x"]
    write_zeros(Path(entry.filename), names)
    assert engine.checkpoint("one").family.value == "sdxl"
    assert engine.render(hinted(host_job, [HintKind.CANNY]), silent).notes
    assert webui.calls[0].scripts.alwayson_scripts == []
    webui.controls["controlnet-union-sdxl-1.0 [1]"] = Path("union.pth")
    result = engine.render(hinted(host_job, [HintKind.CANNY]), silent)
    if webui.kind in ("forge", "reforge"):  # they are not told what a union sees
        assert result.notes
        return
    unit = webui.calls[1].script_args[0]
    told = unit.type_filter if webui.kind == "forge_neo" else unit.union_control_type
    assert told == ("Canny" if webui.kind == "forge_neo" else "Hard Edge")


def test_hints_are_framed_like_the_picture(webui: FakeWebui, engine: WebuiEngine, host_job: RenderJob):
    engine.render(hinted(host_job, [HintKind.CANNY]), silent)
    image = webui.calls[0].script_args[0].picture
    assert np.array_equal(image[:60, :68], np.asarray(host_job.picture))
