"""A WebUI made of recorded names and signatures, with the real one's traps: it swallows, substitutes and keeps silent.

Every callable binds its arguments against the interface that was recorded from the host's source, so that a wrong
keyword or a missing argument fails here as it would there.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from host_generation import FakeGeneration
from host_parts import (
    ControlMode,
    FakeCall,
    FakeControlNet,
    FakeLock,
    FakeOptions,
    FakeRunner,
    FakeState,
    FakeVae,
    ResizeMode,
)
from lora_files import write_zeros
from recorded_host import module_of, names_only, strict

INTERFACES = Path(__file__).parents[1] / "webui" / "interfaces"


class FakeWebui(FakeGeneration):
    """One of the hosts with checkpoints, LoRAs and ControlNets; `calls` are the jobs it was given."""

    def __init__(self, kind: str, root: Path) -> None:
        super().__init__()
        self.facts = json.loads((INTERFACES / f"{kind}.json").read_text(encoding="utf-8"))
        self.kind, self.root = kind, root
        self.forge = kind != "a1111"  # or made from it: one thread, a ControlNet of its own
        self.lazy = kind in ("forge", "forge_neo")  # loads a checkpoint when it is needed
        self.hooked: list[str] = []
        self.broken_controls: set[str] = set()
        self.returns_maps = True
        self.moved: list[str] = []
        self.reloads = 0
        self.controls = {"control_v11p_sd15_canny [a7b23cc4]": root / "canny.pth"}
        self._shared()
        self.devices = module_of("devices", ["dtype_vae"], dtype_vae=torch.float16)
        self._models()
        self._networks()
        self._processing()

    # the modules

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """As `modules.*` and what else is imported by name."""
        for name, module in self.modules().items():
            patch.setitem(__import__("sys").modules, name, module)

    def modules(self) -> dict[str, ModuleType]:
        found = {
            "modules": ModuleType("modules"),
            "modules.shared": self.shared,
            "modules.devices": self.devices,
            "modules.processing": self.processing,
            "modules.sd_models": self.sd_models,
            "modules.sd_samplers": self.samplers,
            "modules.sd_vae": self.vae,
            "modules.scripts": self.scripts,
            "modules.extensions": self.extensions,
            "modules.call_queue": module_of("call_queue", self.facts["call_queue"]["module"], queue_lock=self.lock),
            "networks": self.networks,
        }
        found |= self._forge_modules() if self.forge else self._a1111_modules()
        for name, module in found.items():
            parent, _, leaf = name.rpartition(".")
            if parent:
                setattr(found[parent], leaf, module)
        return found

    def _shared(self) -> None:
        facts = self.facts["shared"]
        self.lock, self.state, self.options = FakeLock(), FakeState(), FakeOptions(facts["options"])
        assert vars(self.state).keys() - {"jobs"} <= set(facts["State"]["attributes"])
        for name, spec in facts["State"]["methods"].items():
            setattr(self.state, name, strict(spec, getattr(self.state, name)))
        for name, spec in self.facts["call_queue"]["lock"].items():
            setattr(self.lock, name, strict(spec, getattr(self.lock, name)))
        given = {
            "lora_dir": str(self.root / "Lora"),
            "ckpt_dir": str(self.root),
            "controlnet_dir": str(self.root / "CN"),
        }
        self.shared = module_of(
            "shared",
            facts["module"],
            opts=self.options,
            state=self.state,
            cmd_opts=names_only(facts["cmd_opts"], **given),
            total_tqdm=SimpleNamespace(clear=lambda: None),
            config_filename=str(self.root / "config.json"),
            sd_model=None,
        )

    def _models(self) -> None:
        facts = self.facts["sd_models"]
        self.entries = [self._entry(name) for name in ("one", "two")]
        self.options.data["sd_model_checkpoint"] = self.entries[0].title
        data = names_only(facts["SdModelData"], sd_model=None)
        if not self.lazy:
            data.lock, data.loaded_sd_models = threading.Lock(), []
        self.sd_models = module_of(
            "sd_models",
            facts["module"],
            checkpoints_list={entry.title: entry for entry in self.entries},
            checkpoint_aliases={
                key: entry for entry in self.entries for key in (entry.title, entry.name, entry.name[:3])
            },
            model_data=data,
            model_path=str(self.root),
            **{name: work for name, work in self._loading().items() if name in facts["module"]},
        )
        for name, spec in facts["functions"].items():
            setattr(self.sd_models, name, strict(spec, getattr(self.sd_models, name)))
        self._load(self.entries[0])
        self.samplers = module_of(
            "sd_samplers",
            self.facts["sd_samplers"]["module"],
            all_samplers=[SimpleNamespace(name=name) for name in self.facts["sd_samplers"]["names"]],
        )
        self.vae = module_of(
            "sd_vae", self.facts["sd_vae"]["module"], vae_dict={"soft.safetensors": "soft.safetensors"}
        )

    def _loading(self) -> dict[str, Any]:
        """Functions for loading and moving models; not every host has each of them."""
        nothing = self.kind == "reforge"  # its functions of these names are empty
        return {
            "SkipWritingToConfig": __import__("contextlib").nullcontext,
            "reload_model_weights": self._reload,
            "send_model_to_cpu": lambda m: None if nothing else self.moved.append("cpu"),
            "send_model_to_device": lambda m: None if nothing else self.moved.append("device"),
            "unload_model_weights": lambda *args, **kwargs: self.moved.append("unloaded"),
            "forge_model_reload": lambda: None,
        }

    def _entry(self, name: str) -> Any:
        file = self.root / f"{name}.safetensors"
        names = ["model.diffusion_model.x", "cond_stage_model.transformer.x"]
        write_zeros(file, names)
        facts = self.facts["sd_models"]["CheckpointInfo"]
        return names_only(facts, filename=str(file), name=file.name, title=f"{file.name} [0123456789]")

    def _load(self, entry: Any) -> None:
        self.options.data["sd_checkpoint_hash"] = f"hash of {entry.name}"
        model = SimpleNamespace(sd_checkpoint_info=entry, is_sdxl=False, is_sd1=True, device="cuda:0")
        model.first_stage_model = FakeVae()
        model.forge_objects = SimpleNamespace(vae=model.first_stage_model)
        self.sd_models.model_data.sd_model = self.shared.sd_model = model
        if not self.lazy:
            self.sd_models.model_data.loaded_sd_models = [model]

    def _reload(self, *args: Any, **kwargs: Any) -> None:
        wanted = self.sd_models.checkpoint_aliases[self.options.sd_model_checkpoint]
        if self.shared.sd_model.sd_checkpoint_info is not wanted:
            self.reloads += 1
            time.sleep(self.loading)
            self._load(wanted)

    def _networks(self) -> None:
        facts = self.facts["networks"]
        self.networks = module_of(
            "networks",
            facts["module"],
            available_networks={},
            available_network_aliases={},
            available_network_hash_lookup={},
            loaded_networks=[],
            **({"networks_in_memory": {}} if "networks_in_memory" in facts["module"] else {}),
            update_available_networks_by_names=strict(facts["update_available_networks_by_names"], self._list),
        )
        self.cleared: list[int] = []
        if self.forge:  # Forge Neo's is not cached
            cache = {} if self.kind == "forge_neo" else {"cache_clear": lambda: self.cleared.append(1)}
            self.networks.load_lora_state_dict = SimpleNamespace(**cache)

    def _list(self, names: list[str]) -> None:
        for file in Path(self.shared.cmd_opts.lora_dir).rglob("*.safetensors"):
            hidden = any(part.startswith(".") for part in file.relative_to(self.root).parts)
            if file.stem in names and (self.options.list_hidden_files or not hidden):
                entry = names_only(self.facts["networks"]["NetworkOnDisk"], name=file.stem, filename=str(file))
                self.networks.available_networks[file.stem] = entry
                self.networks.available_network_aliases[file.stem] = entry

    def _processing(self) -> None:
        facts = self.facts["processing"]
        self.scripts = module_of(
            "scripts", self.facts["scripts"]["module"], ScriptRunner=FakeRunner, scripts_img2img=FakeRunner()
        )
        self.scripts.scripts_img2img.alwayson_scripts.append(FakeControlNet(self))
        self.processing = module_of(
            "processing",
            [*facts, "process_images"],
            StableDiffusionProcessing=type("P", (), dict.fromkeys(facts["StableDiffusionProcessing"])),
            StableDiffusionProcessingImg2Img=strict(
                facts["StableDiffusionProcessingImg2Img"], lambda **given: FakeCall(self, given)
            ),
            process_images=strict(facts["process_images"], self.process),
        )
        name = "sd_forge_controlnet" if self.forge else "sd-webui-controlnet"
        extension = names_only(self.facts["extensions"]["Extension"], name=name, enabled=True)
        self.extensions = module_of(
            "extensions",
            self.facts["extensions"]["module"],
            extensions=[extension],
            active=strict(
                self.facts["extensions"]["active"], lambda: [e for e in self.extensions.extensions if e.enabled]
            ),
        )

    def _a1111_modules(self) -> dict[str, ModuleType]:
        facts = self.facts["controlnet"]
        known = module_of("global_state", facts["global_state"], cn_models=self.controls, cn_models_dir="models/CN")
        code = module_of("external_code", facts["external_code"], global_state=known, ControlNetUnit=self._unit())
        code.get_models = strict(facts["functions"]["get_models"], lambda update=False: list(self.controls))
        return {"internal_controlnet": ModuleType("internal_controlnet"), "internal_controlnet.external_code": code}

    def _forge_modules(self) -> dict[str, ModuleType]:
        facts = self.facts["controlnet"]["functions"]
        names = ModuleType("global_state")
        names.update_controlnet_filenames = strict(facts["update_controlnet_filenames"], lambda: None)
        names.get_all_controlnet_names = strict(facts["get_all_controlnet_names"], lambda: ["None", *self.controls])
        names.get_controlnet_filename = strict(facts["get_controlnet_filename"], lambda name: str(self.controls[name]))
        code = ModuleType("external_code")
        code.ControlNetUnit = self._unit()
        code.ResizeMode, code.ControlMode = ResizeMode, ControlMode
        main = ModuleType("main_thread")
        main.run_and_wait_result = strict(self.facts["modules_forge"]["run_and_wait_result"], self._in_main)
        entry = module_of(
            "main_entry", self.facts["modules_forge"]["main_entry"], module_list={"soft.safetensors": "/soft"}
        )
        memory = ModuleType("model_management")
        memory.unload_all_models = lambda: self.moved.append("all unloaded")
        patched = {
            "ldm_patched": ModuleType("ldm_patched"),
            "ldm_patched.modules": ModuleType("ldm_patched.modules"),
            "ldm_patched.modules.model_management": memory,
        }
        return {
            **({} if self.lazy else patched),
            "lib_controlnet": ModuleType("lib_controlnet"),
            "lib_controlnet.external_code": code,
            "lib_controlnet.global_state": names,
            "modules_forge": ModuleType("modules_forge"),
            "modules_forge.main_thread": main,
            "modules_forge.main_entry": entry,
        }

    def _unit(self) -> Any:
        fields = self.facts["controlnet"]["unit"]

        def made(**given: Any) -> Any:
            image, enums = given["image"], self.kind == "reforge"
            assert isinstance(image, dict if enums else np.ndarray), "the host refuses PIL, reForge a bare array"
            assert isinstance(given["resize_mode"], ResizeMode if enums else str)
            assert isinstance(given["control_mode"], ControlMode if enums else str)
            assert given["module"] == ("None" if self.forge else "none")
            unit = SimpleNamespace(**given)
            unit.picture = image["image"] if enums else image
            return unit

        unit = strict(fields, made)
        named = "__dataclass_fields__" if self.forge else "__fields__"
        setattr(unit, named, dict.fromkeys(name.rstrip("=") for name in fields))
        return unit

    def _in_main(self, work: Callable[[], Any]) -> Any:
        """Forge's one thread for all generations; what is raised there is printed and lost."""

        def loop() -> None:
            try:
                work()
            except Exception:
                self.swallowed.append("main thread")

        thread = threading.Thread(target=loop, name="forge-main")
        thread.start()
        thread.join()
