"""Engines and face toolboxes by name: the tables that command line, settings and studio choose from.

A toolbox is asked for as ``built-in``, or role by role: ``detect=modelscope,recognize=modelscope``; roles that are not
named come from the default.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
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


def _no_vae() -> str:
    return ""


@dataclass(frozen=True)
class EngineSettings:
    """What an engine may be told; each takes what it knows."""

    vae: Callable[[], str] = _no_vae  # the name of the WebUI's VAE to use, read anew for each job; "" leaves it


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


def make_toolbox(
    asked: str, paths: Paths, toolboxes: Mapping[str, ToolboxProvider] = TOOLBOXES, default: str = BUILTIN
) -> FaceToolbox:
    """The toolbox as it is asked for, see above; a provider of several roles is made once. Raises BadRequest."""
    roles = {**dict.fromkeys(Role, default), **_roles(asked)}
    providers = {role: _known(name, toolboxes) for role, name in roles.items()}
    made = cache(lambda provider: provider(paths))
    parts = {role: made(provider) for role, provider in providers.items()}
    return parts[Role.DETECT] if len(set(roles.values())) == 1 else ComposedToolbox(parts)


def check_toolbox(asked: str) -> None:
    """Raise BadRequest for a toolbox that cannot be; nothing is made."""
    for name in _roles(asked).values():
        _known(name, TOOLBOXES)


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
