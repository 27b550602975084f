"""As much of ComfyUI as the nodes use, in its shapes: classes of `comfy_api.latest`, `comfy`, and `folder_paths`.

`test_comfyui_contract.py` holds the parameters below against the sources of a real one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

INPUT = ("id", "display_name", "optional", "tooltip")
PARAMETERS: dict[str, tuple[str, ...]] = {
    "Boolean": (*INPUT, "default"),
    "Int": (*INPUT, "default", "min", "max", "step", "control_after_generate"),
    "Float": (*INPUT, "default", "min", "max", "step"),
    "String": (*INPUT, "default", "multiline", "force_input"),
    "Combo": (*INPUT, "default", "options"),
    **dict.fromkeys(("Image", "Mask", "Model", "Clip", "Vae", "ControlNet", "Custom"), INPUT),
}
"""What inputs of each type are made with, as far as it is used here."""

OUTPUT = ("id", "display_name", "tooltip", "is_output_list")
SCHEMA = (
    *("node_id", "display_name", "category", "inputs", "outputs", "hidden", "description"),
    *("is_input_list", "is_output_node"),
)


class Interrupted(Exception):
    """ComfyUI's InterruptProcessingException."""


class Values(SimpleNamespace):
    """Keyword arguments as attributes; None for those that were not given."""

    def __getattr__(self, name: str) -> Any:
        return None


def _maker(known: tuple[str, ...]) -> Any:
    def make(name: str | None = None, **given: Any) -> Values:
        assert set(given) <= set(known), set(given) - set(known)
        return Values(id=name, **given)

    return make


class NodeOutput(Values):
    def __init__(self, *args: Any, ui: Any = None) -> None:
        super().__init__(args=args, ui=ui)


class ComfyNode:
    hidden = Values(unique_id="7")


class FakeComfyui:
    """What a test sees and sets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.interrupted = False
        self.shown: list[tuple[int, int, Any]] = []  # value, total and node of the progress bar
        self.unloaded = 0
        self.checkpoints: dict[str, Path] = {}
        self.args = SimpleNamespace(listen="127.0.0.1")
        self.sampled: list[dict[str, Any]] = []
        for name in ("input", "output", "user"):
            (folder / name).mkdir()

    def modules(self) -> dict[str, Any]:
        kinds = {
            name: SimpleNamespace(Input=_maker(known), Output=_maker(OUTPUT)) for name, known in PARAMETERS.items()
        }
        custom = kinds.pop("Custom")
        io = SimpleNamespace(
            ComfyNode=ComfyNode,
            NodeOutput=NodeOutput,
            Schema=lambda **given: _maker(SCHEMA)(**given),
            Hidden=SimpleNamespace(unique_id="UNIQUE_ID"),
            Custom=lambda io_type: SimpleNamespace(io_type=io_type, Input=custom.Input, Output=custom.Output),
            **kinds,
        )
        management = {
            "InterruptProcessingException": Interrupted,
            "OOM_EXCEPTION": MemoryError,
            "processing_interrupted": lambda: self.interrupted,
            "unload_all_models": self._unload,
            "soft_empty_cache": lambda: None,
        }
        comfy = {
            "model_management": management,
            "utils": {"ProgressBar": self._bar, "load_torch_file": self.load_torch_file},
            "cli_args": {"args": self.args},
            "sd": {"load_lora_for_models": self.load_lora_for_models},
            "sample": {"sample": self.sample, "prepare_noise": lambda latent, seed: latent * 0 + seed},
        }
        made: dict[str, Any] = {f"comfy.{name}": _module(f"comfy.{name}", parts) for name, parts in comfy.items()}
        made["comfy"] = _module("comfy", {name: made[f"comfy.{name}"] for name in comfy})
        made["comfy_api.latest"] = _module(
            "comfy_api.latest", {"io": io, "ComfyExtension": type("ComfyExtension", (), {})}
        )
        made["comfy_api"] = _module("comfy_api", {"latest": made["comfy_api.latest"]})
        made["folder_paths"] = _module("folder_paths", self._folders())
        return made

    def _folders(self) -> dict[str, Any]:
        def saving(prefix: str, folder: str, width: int, height: int) -> tuple[str, str, int, str, str]:
            assert width > 1 and height > 1
            return folder, prefix, len(list(Path(folder).iterdir())) + 1, "", prefix

        return {
            "get_input_directory": lambda: str(self.folder / "input"),
            "get_output_directory": lambda: str(self.folder / "output"),
            "get_user_directory": lambda: str(self.folder / "user"),
            "get_filename_list": lambda kind: list(self.checkpoints),
            "get_full_path": lambda kind, name: str(self.checkpoints[name]),
            "get_save_image_path": saving,
        }

    def _unload(self) -> None:
        self.unloaded += 1

    def _bar(self, total: int, node_id: Any = None) -> Any:
        def update_absolute(value: int, total: int = total, preview: Any = None) -> None:
            if self.interrupted:
                raise Interrupted
            self.shown.append((value, total, node_id))

        return SimpleNamespace(update_absolute=update_absolute)

    def load_torch_file(self, file: str, safe_load: bool = False) -> Any:
        from safetensors.torch import load_file

        assert safe_load
        return load_file(file)

    def load_lora_for_models(
        self, model: Any, clip: Any, lora: Any, model_strength: float, clip_strength: float
    ) -> Any:
        """Clones; modules whose names the parts do not know are left out, as the real one does."""
        modules = {name.split(".")[0] for name in lora}
        return (
            _patched(model, modules & model.known, model_strength),
            SimpleNamespace(
                **{**vars(clip), "patcher": _patched(clip.patcher, modules & clip.patcher.known, clip_strength)}
            ),
        )

    def sample(
        self, model: Any, noise: Any, steps: int, cfg: float, sampler: str, scheduler: str, *rest: Any, **more: Any
    ):
        positive, negative, latent = rest
        self.sampled.append(
            {"model": model, "steps": steps, "cfg": cfg, "sampler": sampler, "scheduler": scheduler}
            | {"positive": positive, "negative": negative, **more}
        )
        for step in range(steps):
            more["callback"](step, latent, latent, steps)
        return latent


def _patched(patcher: Any, modules: set[str], strength: float) -> Any:
    patches = {name: list(made) for name, made in patcher.patches.items()}
    for name in modules:
        patches.setdefault(name, []).append(strength)
    return SimpleNamespace(**{**vars(patcher), "patches": patches})


def _module(name: str, content: dict[str, Any]) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(content)
    return module


def open_comfyui(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FakeComfyui:
    """Stands in `sys.modules` for the test; what of ours was made of an earlier one is forgotten."""
    host = FakeComfyui(folder)
    for name in [
        one for one in sys.modules if one.startswith(("easyphoto.comfyui.nodes", "easyphoto.comfyui.extension"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    for name, module in host.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delenv("EASYPHOTO_HOME", raising=False)
    return host


class FakeControl:
    """A ControlNet: copies know what they are shown and what comes before them."""

    def __init__(self, name: str) -> None:
        self.name, self.before, self.shown = name, None, None

    def copy(self) -> FakeControl:
        return FakeControl(self.name)

    def set_cond_hint(self, hint: Any, strength: float, percents: tuple[float, float], vae: Any = None) -> FakeControl:
        self.shown = (tuple(hint.shape), strength)
        return self

    def set_previous_controlnet(self, before: Any) -> None:
        self.before = before


def fake_model(kind: str = "SD15", known: set[str] | None = None, channels: int = 4) -> Any:
    """A ModelPatcher of that kind."""
    config = type(kind, (), {})()
    config.unet_config = {"in_channels": channels}
    return SimpleNamespace(model=SimpleNamespace(model_config=config), known=known or set(), patches={})


class FakeVae:
    """Latents are pictures that are brightened on their way back."""

    def encode(self, picture: Any) -> Any:
        return picture.clone()

    def decode(self, latent: Any) -> Any:
        return latent + 0.1


def fake_clip(known: set[str] | None = None) -> Any:
    return SimpleNamespace(
        patcher=SimpleNamespace(known=known or set(), patches={}),
        tokenize=lambda text: text,
        encode_from_tokens_scheduled=lambda tokens: [[tokens, {}]],
    )
