"""How the host generates: overrides, scripts, LoRAs, steps; what it cannot do it passes over silently."""

from __future__ import annotations

import copy
import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from host_parts import FakeLock, FakeOptions, FakeState
from PIL import Image
from recorded_host import names_only


class FakeGeneration:
    """The host at work; `FakeWebui` builds the modules it works on."""

    facts: dict[str, Any]
    kind: str
    forge: bool
    lock: FakeLock
    state: FakeState
    options: FakeOptions
    shared: ModuleType
    sd_models: ModuleType
    networks: ModuleType
    _reload: Callable[..., None]

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.swallowed: list[str] = []
        self.returns_blank = self.returns_nothing = False
        self.ignores_checkpoint = self.blank_in_mask = False
        self.other_size: tuple[int, int] | None = None
        self.layers: int | None = None  # modules of a LoRA that find a layer; None: all
        self.remarks: list[str] = []
        self.failure: Exception | None = None
        self.during: Callable[[Any], None] = lambda p: None  # called at every step
        self.steps, self.pause, self.loading = 3, 0.0, 0.0  # seconds a step and a checkpoint take
        self.threads: list[str] = []

    def process(self, p: Any) -> Any:
        """As the host does: overrides, scripts, steps; gives back the options in any case."""
        self.calls.append(p)
        self.threads.append(threading.current_thread().name)
        assert not self.lock.free, "the queue must be ours"
        stored = {key: self.options.data[key] for key in p.override_settings if key in self.options.data}
        try:
            self._override(p)
            return self._steps(p)
        finally:
            self.options.data.update(stored)

    def _override(self, p: Any) -> None:
        if p.override_settings.get("sd_model_checkpoint") not in self.sd_models.checkpoint_aliases:
            p.override_settings.pop("sd_model_checkpoint", None)  # silently
        for key, value in p.override_settings.items():
            self.options.set(key, value)
        if not self.ignores_checkpoint:
            self._reload()

    def _steps(self, p: Any) -> Any:
        if self.kind == "reforge":
            assert p.scripts.alwayson_scripts is not None, "it asks for scripts whether there are any or not"
        if p.scripts is not None:
            p.scripts.call("process", p)
        self._wear(p.prompt)
        self.seen = copy.copy(self.options.data)
        self.state.sampling_steps = self.steps
        for step in range(self.steps):
            self.state.sampling_step, self.state.current_latent = step, "somebody's face"
            time.sleep(self.pause)
            self.during(p)
            if self.failure is not None:
                raise self.failure
            if self.state.interrupted:
                break
        facts = self.facts["processing"]["Processed"]
        done = names_only(facts, images=[] if self.returns_nothing else [self._picture(p)], comments=self._comments())
        if self.forge:
            done.extra_images = p.extra
        if p.scripts is not None:
            p.scripts.postprocess(p, done)
        return done

    def _comments(self) -> str:
        return "".join(f"{remark}\n" for remark in self.remarks)

    def _picture(self, p: Any) -> Image.Image:
        if self.kind == "forge_neo":
            p.width, p.height = (max((side + 32) // 64 * 64, 64) for side in (p.width, p.height))
        pixels = np.asarray(p.init_images[0].resize(self.other_size or (p.width, p.height))).astype(int)
        if self.blank_in_mask:  # what was not to be repainted is laid over what came out
            return Image.fromarray(np.where(np.asarray(p.image_mask)[..., None] > 0, 0, pixels).astype(np.uint8))
        return Image.fromarray(
            np.zeros_like(pixels, np.uint8) if self.returns_blank else ((pixels + 40) % 256).astype(np.uint8)
        )

    def _wear(self, prompt: str) -> None:
        """Puts on what it knows and passes over the rest."""
        self.networks.loaded_networks.clear()
        applied: dict[str, int] = {}
        for name, weight in re.findall(r"<lora:([^:>]+):([^:>]+)>", prompt):
            entry = self.networks.available_network_aliases.get(name)
            if entry is None:
                continue
            modules = dict.fromkeys(range(_modules_in(Path(entry.filename)) if self.layers is None else self.layers))
            kept = {} if self.kind == "forge_neo" else {"modules": {}}  # the class of Forge Neo has none
            network = names_only(self.facts["networks"]["Network"], name=name, network_on_disk=entry, **kept)
            self.networks.loaded_networks.append(network)
            applied[entry.filename] = len(modules)
            if not self.forge:
                network.modules = modules
            float(weight)
        if self.forge:
            self.shared.sd_model.forge_objects_after_applying_lora = self._patched(applied)

    def _patched(self, applied: dict[str, int]) -> Any:
        """The model's parts as patchers: Forge keeps patches by file, what was made from it by the layer alone."""
        if self.kind == "forge":
            by_file = {(file, 1.0, 1.0, False): {"layer": [0] * count} for file, count in applied.items()}
            clip = SimpleNamespace(patcher=SimpleNamespace(lora_patches={}))
            return SimpleNamespace(unet=SimpleNamespace(lora_patches=by_file), clip=clip)
        layers = sum(applied.values())
        unet = {f"layer {number}": [(0.9, "factors", 1.0, None, None)] for number in range(layers - 1)}
        clip = {"text layer": [(0.9, "factors", 1.0, None, None)]} if layers else {}
        return SimpleNamespace(
            unet=SimpleNamespace(patches=unet), clip=SimpleNamespace(patcher=SimpleNamespace(patches=clip))
        )


def _modules_in(file: Path) -> int:
    raw = file.read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    return sum(name.endswith("lora_down.weight") for name in header)
