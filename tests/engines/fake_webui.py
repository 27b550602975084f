"""A WebUI made of recorded names and signatures, with the real one's traps: it swallows, substitutes and keeps silent.

Every callable binds its arguments against the interface that was recorded from the host's source, so that a wrong
keyword or a missing argument fails here as it would there.
"""

from __future__ import annotations

import copy
import inspect
import json
import re
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

INTERFACES = Path(__file__).parents[1] / "webui" / "interfaces"
_KINDS = inspect.Parameter


def signature(names: Sequence[str]) -> inspect.Signature:
    """Of a recorded list: `x`, `x=` with a default, `*rest`, `*`, `**more`."""
    found, kind = [], _KINDS.POSITIONAL_OR_KEYWORD
    for name in names:
        if name.startswith("**"):
            found.append(_KINDS(name[2:], _KINDS.VAR_KEYWORD))
        elif name.startswith("*"):
            kind = _KINDS.KEYWORD_ONLY
            if len(name) > 1:
                found.append(_KINDS(name[1:], _KINDS.VAR_POSITIONAL))
        else:
            found.append(_KINDS(name.rstrip("="), kind, default=None if name.endswith("=") else _KINDS.empty))
    return inspect.Signature(found)


def strict(names: Sequence[str], work: Callable[..., Any]) -> Callable[..., Any]:
    """`work`, but only for arguments that fit the recorded signature."""
    known = signature(names)

    def call(*args: Any, **kwargs: Any) -> Any:
        known.bind(*args, **kwargs)
        return work(*args, **kwargs)

    return call


def names_only(recorded: Sequence[str], **values: Any) -> SimpleNamespace:
    """An object of the host's with exactly the attributes we use, all of which were recorded."""
    assert set(values) <= set(recorded), set(values) - set(recorded)
    return SimpleNamespace(**values)


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
        defaults |= {"sd_vae": "Automatic", "forge_additional_modules": []}
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

    def __init__(self, host: FakeWebui) -> None:
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
                p.extra.append(unit.image)
            if unit.model in self.host.broken_controls:
                raise RuntimeError(f"cannot read {unit.model}")
        self.host.hooked = [unit.model for unit in units]
        if not self.host.forge:
            self.latest_model_hash = self.host.sd_models.model_data.sd_model.sd_checkpoint_info.name
            self.maps = [unit.image for unit in units]

    def postprocess(self, p: Any, processed: Any, *units: Any) -> None:
        if self.host.hooked and not self.host.forge and self.host.returns_maps:
            processed.images.extend(Image.fromarray(image) for image in self.maps)
        self.host.hooked = []


class FakeWebui:
    """One of the two hosts with checkpoints, LoRAs and ControlNets; `calls` are the jobs it was given."""

    def __init__(self, kind: str, root: Path) -> None:
        self.facts = json.loads((INTERFACES / f"{kind}.json").read_text(encoding="utf-8"))
        self.forge, self.root = kind == "forge", root
        self.calls: list[Any] = []
        self.swallowed: list[str] = []
        self.hooked: list[str] = []
        self.broken_controls: set[str] = set()
        self.returns_maps = True
        self.returns_blank = self.returns_nothing = False
        self.ignores_checkpoint = False
        self.layers: int | None = None  # modules of a LoRA that find a layer; None: all
        self.remarks: list[str] = []
        self.failure: Exception | None = None
        self.during: Callable[[Any], None] = lambda p: None  # called at every step
        self.steps, self.pause, self.loading = 3, 0.0, 0.0  # seconds a step and a checkpoint take
        self.threads: list[str] = []
        self.moved: list[str] = []
        self.reloads = 0
        self.controls = {"control_v11p_sd15_canny [a7b23cc4]": root / "canny.pth"}
        self._shared()
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
            "modules.processing": self.processing,
            "modules.sd_models": self.sd_models,
            "modules.sd_samplers": self.samplers,
            "modules.sd_vae": self.vae,
            "modules.scripts": self.scripts,
            "modules.extensions": self.extensions,
            "modules.call_queue": _module("call_queue", self.facts["call_queue"]["module"], queue_lock=self.lock),
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
        self.shared = _module(
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
        if not self.forge:
            data.lock, data.loaded_sd_models = threading.Lock(), []
        self.sd_models = _module(
            "sd_models",
            facts["module"],
            checkpoints_list={entry.title: entry for entry in self.entries},
            checkpoint_aliases={
                key: entry for entry in self.entries for key in (entry.title, entry.name, entry.name[:3])
            },
            model_data=data,
            model_path=str(self.root),
            SkipWritingToConfig=__import__("contextlib").nullcontext,
            reload_model_weights=self._reload,
            send_model_to_cpu=lambda m: self.moved.append("cpu"),
            send_model_to_device=lambda m: self.moved.append("device"),
            unload_model_weights=lambda: self.moved.append("unloaded"),
            **({"forge_model_reload": lambda: None} if self.forge else {}),
        )
        for name, spec in facts["functions"].items():
            setattr(self.sd_models, name, strict(spec, getattr(self.sd_models, name)))
        self._load(self.entries[0])
        self.samplers = _module(
            "sd_samplers",
            self.facts["sd_samplers"]["module"],
            all_samplers=[SimpleNamespace(name=name) for name in self.facts["sd_samplers"]["names"]],
        )
        self.vae = _module("sd_vae", self.facts["sd_vae"]["module"], vae_dict={"soft.safetensors": "soft.safetensors"})

    def _entry(self, name: str) -> Any:
        file = self.root / f"{name}.safetensors"
        names = ["model.diffusion_model.x", "cond_stage_model.transformer.x"]
        write_safetensors(file, dict.fromkeys(names, (1,)))
        facts = self.facts["sd_models"]["CheckpointInfo"]
        return names_only(facts, filename=str(file), name=file.name, title=f"{file.name} [0123456789]")

    def _load(self, entry: Any) -> None:
        self.options.data["sd_checkpoint_hash"] = f"hash of {entry.name}"
        model = SimpleNamespace(sd_checkpoint_info=entry, is_sdxl=False, is_sd1=True, device="cuda:0")
        self.sd_models.model_data.sd_model = self.shared.sd_model = model
        if not self.forge:
            self.sd_models.model_data.loaded_sd_models = [model]

    def _reload(self, *args: Any, **kwargs: Any) -> None:
        wanted = self.sd_models.checkpoint_aliases[self.options.sd_model_checkpoint]
        if self.shared.sd_model.sd_checkpoint_info is not wanted:
            self.reloads += 1
            time.sleep(self.loading)
            self._load(wanted)

    def _networks(self) -> None:
        facts = self.facts["networks"]
        self.networks = _module(
            "networks",
            facts["module"],
            available_networks={},
            available_network_aliases={},
            available_network_hash_lookup={},
            loaded_networks=[],
            networks_in_memory={},
            update_available_networks_by_names=strict(facts["update_available_networks_by_names"], self._list),
        )
        if self.forge:
            self.cleared: list[int] = []
            self.networks.load_lora_state_dict = SimpleNamespace(cache_clear=lambda: self.cleared.append(1))

    def _list(self, names: list[str]) -> None:
        for file in Path(self.shared.cmd_opts.lora_dir).rglob("*.safetensors"):
            hidden = any(part.startswith(".") for part in file.relative_to(self.root).parts)
            if file.stem in names and (self.options.list_hidden_files or not hidden):
                entry = names_only(self.facts["networks"]["NetworkOnDisk"], name=file.stem, filename=str(file))
                self.networks.available_networks[file.stem] = entry
                self.networks.available_network_aliases[file.stem] = entry

    def _processing(self) -> None:
        facts = self.facts["processing"]
        self.scripts = _module(
            "scripts", self.facts["scripts"]["module"], ScriptRunner=FakeRunner, scripts_img2img=FakeRunner()
        )
        self.scripts.scripts_img2img.alwayson_scripts.append(FakeControlNet(self))
        self.processing = _module(
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
        self.extensions = _module(
            "extensions",
            self.facts["extensions"]["module"],
            extensions=[extension],
            active=strict(
                self.facts["extensions"]["active"], lambda: [e for e in self.extensions.extensions if e.enabled]
            ),
        )

    def _a1111_modules(self) -> dict[str, ModuleType]:
        facts = self.facts["controlnet"]
        known = _module("global_state", facts["global_state"], cn_models=self.controls, cn_models_dir="models/CN")
        code = _module("external_code", facts["external_code"], global_state=known, ControlNetUnit=self._unit())
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
        main = ModuleType("main_thread")
        main.run_and_wait_result = strict(self.facts["modules_forge"]["run_and_wait_result"], self._in_main)
        entry = _module(
            "main_entry", self.facts["modules_forge"]["main_entry"], module_list={"soft.safetensors": "/soft"}
        )
        return {
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
            assert isinstance(given["image"], np.ndarray), "the host refuses PIL"
            assert not isinstance(given["resize_mode"], int), "the host refuses numbers"
            assert given["module"] == ("None" if self.forge else "none")
            return SimpleNamespace(**given)

        unit = strict(fields, made)
        unit.__fields__ = [] if self.forge else [name.rstrip("=") for name in fields]  # type: ignore[attr-defined]
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

    # generating

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
        pixels = np.asarray(p.init_images[0]).astype(int)
        assert pixels.shape[:2] == (p.height, p.width)
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
            network = names_only(self.facts["networks"]["Network"], name=name, network_on_disk=entry, modules={})
            self.networks.loaded_networks.append(network)
            applied[entry.filename] = len(modules)
            if not self.forge:
                network.modules = modules
            float(weight)
        if self.forge:
            patches = {(file, 1.0, 1.0, False): {"layer": [0] * count} for file, count in applied.items()}
            clip = SimpleNamespace(patcher=SimpleNamespace(lora_patches={}))
            objects = SimpleNamespace(unet=SimpleNamespace(lora_patches=patches), clip=clip)
            self.shared.sd_model.forge_objects_after_applying_lora = objects


class FakeCall:
    """The host's description of a job; with scripts set before `is_api` the widgets' values win, silently."""

    def __init__(self, host: FakeWebui, given: dict[str, Any]) -> None:
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


def _module(name: str, recorded: Sequence[str], **values: Any) -> ModuleType:
    """A module with `values`, every one of which was recorded there."""
    assert set(values) <= set(recorded), set(values) - set(recorded)
    module = ModuleType(name)
    for key, value in values.items():
        setattr(module, key, value)
    return module


def write_safetensors(file: Path, shapes: dict[str, tuple[int, ...]], metadata: dict[str, str] | None = None) -> Path:
    """Zeros of half precision under those names."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    start = 0
    for name, shape in shapes.items():
        end = start + 2 * int(np.prod(shape))
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(header).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(len(text).to_bytes(8, "little") + text + bytes(start))
    return file


def write_lora(file: Path, modules: int = 3, **metadata: str) -> Path:
    """A LoRA in kohya's format with that many modules."""
    ends = ("lora_down.weight", "lora_up.weight", "alpha")
    return write_safetensors(file, {f"lora_unet_{n}.{end}": (1,) for n in range(modules) for end in ends}, metadata)


def _modules_in(file: Path) -> int:
    raw = file.read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    return sum(name.endswith("lora_down.weight") for name in header)
