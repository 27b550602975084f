"""A WebUI that is none: as much of its interface as the extension uses, made from the recorded facts."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from easyphoto.domain import Checkpoint, ModelFamily
from easyphoto.errors import MissingModel

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "easyphoto_tab.py"
FACTS = json.loads((Path(__file__).parent / "interfaces" / "extension.json").read_text(encoding="utf-8"))


def as_recorded(module: str, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """`work` under the host's own parameters: a call the host would refuse is a TypeError."""
    kinds = {True: inspect.Parameter.KEYWORD_ONLY, False: inspect.Parameter.POSITIONAL_OR_KEYWORD}
    names = FACTS["signatures"][module][name]
    signature = inspect.Signature(
        [inspect.Parameter(n.lstrip("*"), kinds[n.startswith("*")], default=None) for n in names]
    )

    def call(*args: Any, **kwargs: Any) -> Any:
        signature.bind(*args, **kwargs)
        return work(*args, **kwargs)

    return call


class OptionInfo:
    """A setting."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        as_recorded("modules.shared", "OptionInfo", lambda *a, **k: None)(*args, **kwargs)
        self.default = args[0]
        self.label = str(args[1])
        self.component_args = args[3] if len(args) > 3 else None
        self.section = kwargs.get("section")
        self.notes: list[str] = []
        self.refresh: Any = None

    def info(self, info: str) -> OptionInfo:
        self.notes.append(info)
        return self

    def needs_reload_ui(self) -> OptionInfo:
        self.notes.append("reload")
        return self

    def needs_restart(self) -> OptionInfo:
        self.notes.append("restart")
        return self


class Options:
    """The host's settings."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {"localization": "None"}
        self.data_labels: dict[str, OptionInfo] = {}

    def add_option(self, key: str, info: OptionInfo) -> None:
        as_recorded("modules.shared", "opts.add_option", lambda key, info: None)(key, info)
        self.data_labels[key] = info
        self.data.setdefault(key, info.default)


class FakeScript:
    """The host's class of scripts."""

    infotext_fields: Any = None
    paste_field_names: Any = None

    def postprocess_image_after_composite(self, p: Any, pp: Any, *args: Any) -> None:
        """Nothing."""


class FakeStep:
    """The host's class of steps in Extras."""


class HostsEngine:
    """Checkpoints of the host's."""

    def __init__(self, vae: Callable[[], str], inside_job: bool = False, beside: Callable[[], bool] = bool) -> None:
        self.beside = beside
        self.vae = vae
        self.inside_job = inside_job
        self.names = ["dream"]

    def checkpoints(self) -> list[Checkpoint]:
        return [Checkpoint(name, ModelFamily.SD15) for name in self.names]

    def checkpoint(self, name: str) -> Checkpoint:
        if name not in self.names:
            raise MissingModel("plain", text=f"There is no {name!r}.", remedy="")
        return Checkpoint(name, ModelFamily.SD15)

    def default(self) -> str:
        return self.names[0] if self.names else ""

    def vaes(self) -> list[str]:
        return []

    def identity_adapter(self, family: ModelFamily) -> None:
        return None


@dataclass
class FakeHost:
    """The host's side: what was registered with it, and its own way to run a script."""

    data: Path
    flags: SimpleNamespace
    options: Options = field(default_factory=Options)
    accounts: list[tuple[str, ...]] = field(default_factory=list)
    tabs: list[Callable[[], Any]] = field(default_factory=list)
    starts: list[Callable[[Any, Any], None]] = field(default_factory=list)
    before_ui: list[Callable[[], None]] = field(default_factory=list)
    refreshed: list[tuple[Any, ...]] = field(default_factory=list)
    state: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(interrupted=False, skipped=False))
    scripts: list[type] = field(default_factory=list)  # classes that the host found in our file
    steps: list[type] = field(default_factory=list)

    def load(self, script: Path = SCRIPT) -> None:
        """As the host does: under the file's name, not in sys.modules, our folder on sys.path only meanwhile."""
        self.tabs.clear()
        self.starts.clear()
        self.before_ui.clear()
        before = sys.path
        sys.path = [str(script.parent.parent), *(p for p in sys.path if Path(p or ".").resolve() != ROOT)]
        try:
            spec = spec_from_file_location(script.name, script)
            assert spec is not None
            assert spec.loader is not None
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            found = [one for one in vars(module).values() if isinstance(one, type)]
            self.scripts[:] = [one for one in found if issubclass(one, FakeScript)]
            self.steps[:] = [one for one in found if issubclass(one, FakeStep)]
        finally:
            sys.path = before

    def build(self) -> list[tuple[Any, str, str]]:
        """All tabs; the host calls this before the application starts, also under --nowebui."""
        return [tab for callback in self.tabs for tab in callback()]

    def page(self) -> Any:
        """The Blocks of the whole page as a browser gets it, after a start and a request for it."""
        with gr.Blocks() as demo, gr.Tabs():
            for interface, title, name in self.build():
                with gr.TabItem(title, id=name):
                    interface.render()
        app = self.start(FastAPI(), demo)
        TestClient(app).get("/")
        return demo

    def start(self, app: Any, demo: Any = None) -> Any:
        for callback in self.starts:
            callback(demo, app)
        return app


def modules_of(host: FakeHost) -> dict[str, Any]:
    """The modules the extension may ask for, holding recorded names only."""
    calls = {
        "modules.script_callbacks": {
            "on_ui_tabs": lambda callback, *, name=None: host.tabs.append(callback),
            "on_app_started": lambda callback, *, name=None: host.starts.append(callback),
            "on_before_ui": lambda callback, *, name=None: host.before_ui.append(callback),
        },
        "modules.ui_common": {"create_refresh_button": lambda *given: host.refreshed.append(given)},
        "modules.shared_items": {"sd_vae_items": lambda: ["Automatic", "None", "fine"], "refresh_vae_list": list},
        "modules.initialize_util": {"get_gradio_auth_creds": lambda: iter(host.accounts)},
        "modules.launch_utils": {"git_tag": lambda: "1.10.1"},
    }
    made = {
        module: {name: as_recorded(module, name, work) for name, work in names.items()}
        for module, names in calls.items()
    }
    values: dict[str, dict[str, Any]] = {
        "modules.shared": {"opts": host.options, "OptionInfo": OptionInfo, "state": host.state},
        "modules.scripts_postprocessing": {"ScriptPostprocessing": FakeStep},
        "modules.scripts": {"Script": FakeScript, "AlwaysVisible": "always", "scripts_data": []},
        "modules.paths_internal": {"data_path": str(host.data)},
        "modules.shared_cmd_options": {"cmd_opts": host.flags},
    }
    return {"modules": ModuleType("modules")} | {
        name: _module(name, content) for name, content in (made | values).items()
    }


def _module(name: str, content: dict[str, Any]) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(content)
    return made


def open_host(data: Path, monkeypatch: pytest.MonkeyPatch, **flags: Any) -> FakeHost:
    """This process is the host's until the test ends."""
    set_ = {**FACTS["flags"], "lora_dir": str(data / "models" / "Lora"), **flags}
    opened = bool(set_["listen"] or set_["share"] or set_["ngrok"] or set_["server_name"])
    host = FakeHost(data, SimpleNamespace(**set_, webui_is_non_local=opened, disable_extension_access=opened))
    monkeypatch.setenv("GRADIO_BLOCKED_PATHS", "")
    for name, module in modules_of(host).items():
        monkeypatch.setitem(sys.modules, name, module)
        if "." in name:
            monkeypatch.setattr(sys.modules["modules"], name.split(".")[1], module, raising=False)
    monkeypatch.setattr("easyphoto.engines.webui.engine.WebuiEngine", HostsEngine)
    return host
