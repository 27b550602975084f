"""Parts of the host with its traps: lock, state, options, a runner of scripts that swallows, ControlNet's script."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import torch
from PIL import Image


class ResizeMode(Enum):
    """As Forge's ControlNet has it."""

    RESIZE = "Just Resize"


class ControlMode(Enum):
    """The words of the others differ from host to host."""

    BALANCED = "Balanced"


class FakeVae:
    """A model's, in half precision; Forge's has a network of that kind within and says its precision itself."""

    def __init__(self) -> None:
        self.first_stage_model, self.vae_dtype = self, torch.float16

    def to(self, precision: torch.dtype) -> None:
        self.precision = precision


class FakeLock:
    """First come, first served; may be released by another thread than the one that took it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def acquire(self, blocking: bool = True) -> bool:
        return self._lock.acquire(blocking)

    def release(self) -> None:
        self._lock.release()

    @property
    def free(self) -> bool:
        if self._lock.acquire(blocking=False):
            self._lock.release()
            return True
        return False


class FakeState:
    """Keeps the marks of an earlier job until `begin`; knows nothing of `sampling_steps` there."""

    def __init__(self) -> None:
        self.interrupted = self.skipped = self.stopping_generation = False
        self.sampling_step, self.sampling_steps, self.job = 7, 9, ""
        self.current_latent = self.current_image = None
        self.job_count = 0
        self.jobs: list[str] = []

    def begin(self, job: str = "(unknown)") -> None:
        self.interrupted = self.skipped = self.stopping_generation = False
        self.sampling_step, self.job = 0, job
        self.jobs.append(job)

    def end(self) -> None:
        self.job = ""

    def interrupt(self) -> None:
        self.interrupted = True


class FakeOptions:
    """`data` holds what stands in the settings file, which is little; everything else has its default.

    Setting is refused when frozen; saving writes the file.
    """

    def __init__(self, names: Sequence[str]) -> None:
        defaults = {"live_previews_enable": True, "list_hidden_files": True, "outdir_img2img_samples": "out"}
        defaults |= {"sd_vae": "Automatic", "forge_additional_modules": [], "sd_noise_schedule": "Default"}
        defaults |= {"sd_vae_encode_method": "Full", "sd_vae_decode_method": "Full"}
        self.data_labels = {name: defaults.get(name, False) for name in names}
        self.data: dict[str, Any] = {"live_previews_enable": True}
        self.frozen = False

    def __getattr__(self, name: str) -> Any:
        for known in (self.__dict__["data"], self.__dict__["data_labels"]):
            if name in known:
                return known[name]
        raise AttributeError(name)

    def set(self, name: str, value: Any) -> None:
        assert not self.frozen, "changing settings is disabled"
        assert name in self.data_labels, name
        self.data[name] = value

    def save(self, filename: str) -> None:
        Path(filename).write_text(json.dumps(self.data))


class FakeRunner:
    """Runs always-on scripts; whatever they raise is printed and forgotten."""

    def __init__(self) -> None:
        self.scripts: list[Any] = []
        self.alwayson_scripts: list[Any] = []

    def call(self, name: str, p: Any, *more: Any) -> None:
        for script in self.alwayson_scripts:
            try:
                getattr(script, name)(p, *more, *p.script_args[script.args_from : script.args_to])
            except Exception:
                p.host.swallowed.append(name)

    def postprocess(self, p: Any, processed: Any) -> None:
        self.call("postprocess", p, processed)


class FakeControlNet:
    """Hooks the model in `process` and unhooks it in `postprocess`; Forge's leaves its pictures before it fails."""

    def __init__(self, host: Any) -> None:
        self.host, self.args_from, self.args_to = host, 20, 23
        if not host.forge:
            assert {"latest_model_hash", "clear_control_model_cache"} <= set(host.facts["controlnet"]["Script"])
            self.latest_model_hash = "host"
            self.clear_control_model_cache = lambda: host.moved.append("controls")

    def title(self) -> str:
        return "ControlNet"

    def process(self, p: Any, *units: Any) -> None:
        for unit in units:
            if self.host.forge:
                p.extra.append(unit.picture)
            if unit.model in self.host.broken_controls:
                raise RuntimeError(f"cannot read {unit.model}")
        self.host.hooked = [unit.model for unit in units]
        if not self.host.forge:
            self.latest_model_hash = self.host.sd_models.model_data.sd_model.sd_checkpoint_info.name
            self.maps = [unit.picture for unit in units]

    def postprocess(self, p: Any, processed: Any, *units: Any) -> None:
        if self.host.hooked and not self.host.forge and self.host.returns_maps:
            processed.images.extend(Image.fromarray(image) for image in self.maps)
        self.host.hooked = []


class FakeCall:
    """The host's description of a job; with scripts set before `is_api` the widgets' values win, silently."""

    def __init__(self, host: Any, given: dict[str, Any]) -> None:
        self.host, self.extra = host, []
        self.is_api, self.scripts, self.script_args, self.closed = False, None, (), False
        for name, value in given.items():
            setattr(self, name, value)
        self.image_mask, self.mask = given["mask"], None

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "script_args" and value and not self.is_api:
            self.steps, self.seed = 20, -1

    def close(self) -> None:
        self.closed = True
