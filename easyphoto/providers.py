"""Engines and face toolboxes by name: the tables that requests, command line and settings choose from.

A toolbox is asked for as ``built-in``, or role by role: ``detect=modelscope,recognize=modelscope``; roles that are not
named come from the default.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from easyphoto.errors import BadRequest
from easyphoto.faces.composed import ComposedToolbox, Role
from easyphoto.paths import Paths

if TYPE_CHECKING:
    from easyphoto.engines.base import Engine
    from easyphoto.faces.base import FaceToolbox

Provider = TypeVar("Provider")

DIFFUSERS, WEBUI = "diffusers", "webui"
BUILTIN = "built-in"


@dataclass(frozen=True)
class EngineSettings:
    """What an engine may be told; each takes what it knows."""

    vae: Callable[[], str] = str  # the name of the WebUI's VAE to use, read anew for each job; "" leaves it


def _diffusers(paths: Paths, settings: EngineSettings) -> Engine:
    from easyphoto.engines.local.engine import LocalEngine

    return LocalEngine(paths)


def _webui(paths: Paths, settings: EngineSettings) -> Engine:
    if "modules" not in sys.modules:
        raise BadRequest("engine-outside-webui", stage="start", engine=WEBUI)
    from easyphoto.engines.webui.engine import WebuiEngine

    return WebuiEngine(settings.vae)


def _builtin(paths: Paths) -> FaceToolbox:
    from easyphoto.faces.builtin.toolbox import BuiltinToolbox

    return BuiltinToolbox(paths)


EngineProvider = Callable[[Paths, EngineSettings], "Engine"]
ToolboxProvider = Callable[[Paths], "FaceToolbox"]

ENGINES: Mapping[str, EngineProvider] = MappingProxyType({DIFFUSERS: _diffusers, WEBUI: _webui})
TOOLBOXES: Mapping[str, ToolboxProvider] = MappingProxyType({BUILTIN: _builtin})


def make_engine(name: str, paths: Paths, settings: EngineSettings | None = None) -> Engine:
    """The engine of that name. Raises BadRequest."""
    return _known(name, ENGINES)(paths, settings or EngineSettings())


class Toolboxes:
    """The face toolboxes of this process. A provider is made once, when it is first needed, whichever roles it has."""

    def __init__(
        self, paths: Paths, default: str = BUILTIN, providers: Mapping[str, ToolboxProvider] = TOOLBOXES
    ) -> None:
        """`default` is what a request gets that names none. Raises BadRequest for one that cannot be."""
        self._paths, self._providers = paths, providers
        self._made: dict[str, FaceToolbox] = {}
        self._lock = Lock()
        self._default = dict.fromkeys(Role, next(iter(providers)))
        self._default = self._by_role(default)

    @property
    def names(self) -> tuple[str, ...]:
        """Of all providers."""
        return tuple(self._providers)

    def check(self, asked: str) -> None:
        """Raise BadRequest for a toolbox that cannot be; nothing is made."""
        self._by_role(asked)

    def name(self, asked: str = "") -> str:
        """In full, for records: a provider's name, or one for every role. Raises BadRequest."""
        roles = self._by_role(asked)
        return _only(roles) or ",".join(f"{role.value}={name}" for role, name in roles.items())

    def get(self, asked: str = "") -> FaceToolbox:
        """The toolbox as it is asked for, see above; the default for "". Raises BadRequest."""
        roles = self._by_role(asked)
        with self._lock:
            parts = {role: self._provider(name) for role, name in roles.items()}
        return parts[Role.DETECT] if _only(roles) else ComposedToolbox(parts)

    def _by_role(self, asked: str) -> dict[Role, str]:
        roles = {**self._default, **_roles(asked)}
        for name in roles.values():
            _known(name, self._providers)
        return roles

    def _provider(self, name: str) -> FaceToolbox:
        if name not in self._made:
            self._made[name] = self._providers[name](self._paths)
        return self._made[name]


def _only(roles: Mapping[Role, str]) -> str:
    """The name of the one provider of every role; "" where there are several."""
    names = set(roles.values())
    return names.pop() if len(names) == 1 else ""


def _roles(asked: str) -> dict[Role, str]:
    """``NAME`` for every role, or ``ROLE=NAME,ROLE=NAME``; empty for none."""
    parts = [part.strip() for part in asked.split(",") if part.strip()]
    if len(parts) == 1 and "=" not in parts[0]:
        return dict.fromkeys(Role, parts[0])
    pairs = [part.partition("=") for part in parts]
    names = {role.value for role in Role}
    if wrong := [role.strip() for role, _, _ in pairs if role.strip() not in names]:
        raise BadRequest("toolbox-role-unknown", stage="start", role=wrong[0][:60], roles=", ".join(sorted(names)))
    return {Role(role.strip()): name.strip() for role, _, name in pairs}


def _known(name: str, table: Mapping[str, Provider]) -> Provider:
    if name not in table:
        raise BadRequest("provider-unknown", stage="start", name=name[:60], names=", ".join(table))
    return table[name]
