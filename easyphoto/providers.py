"""Engines and face toolboxes by name: the tables that requests, command line and settings choose from.

A toolbox is asked for as ``built-in``, or role by role: ``detect=modelscope,recognize=modelscope``; roles that are not
named come from the default. ``auto`` is, role by role, the last provider in the table whose files are there. A role
whose files are missing is the first provider's, and a note says so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from easyphoto.errors import BadRequest
from easyphoto.faces.roles import Role
from easyphoto.locales import Message, message
from easyphoto.paths import Paths

if TYPE_CHECKING:
    from easyphoto.engines.base import Engine
    from easyphoto.faces.base import FaceToolbox

Provider = TypeVar("Provider")

DIFFUSERS, WEBUI = "diffusers", "webui"
BUILTIN, COMMERCIAL, MODELSCOPE, AUTO = "built-in", "commercial-safe", "modelscope", "auto"


@dataclass(frozen=True)
class EngineSettings:
    """What an engine may be told; each takes what it knows."""

    vae: Callable[[], str] = str  # the name of the WebUI's VAE to use, read anew for each job; "" leaves it
    beside: Callable[[], bool] = bool  # whether a training may run beside the WebUI's own pictures


def _diffusers(paths: Paths, settings: EngineSettings) -> Engine:
    from easyphoto.engines.local.engine import LocalEngine

    return LocalEngine(paths)


def _webui(paths: Paths, settings: EngineSettings) -> Engine:
    if "modules" not in sys.modules:
        raise BadRequest("engine-outside-webui", stage="start", engine=WEBUI)
    from easyphoto.engines.webui.engine import WebuiEngine

    return WebuiEngine(settings.vae, beside=settings.beside)


def _builtin(paths: Paths) -> FaceToolbox:
    from easyphoto.faces.builtin.toolbox import BuiltinToolbox

    return BuiltinToolbox(paths)


def _modelscope(paths: Paths) -> FaceToolbox:
    from easyphoto.faces.modelscope.toolbox import ModelscopeToolbox

    return ModelscopeToolbox(paths)


def _commercial(paths: Paths) -> FaceToolbox:
    from easyphoto.faces.modelscope.commercial import CommercialToolbox

    return CommercialToolbox(paths)


def _missing_of_commercial(paths: Paths) -> MissingFiles:
    from easyphoto.faces.modelscope.files import missing_of_commercial

    return missing_of_commercial(paths)


def _missing_of_modelscope(paths: Paths) -> MissingFiles:
    from easyphoto.faces.modelscope.files import missing

    return missing(paths)


MissingFiles = Mapping[Role, Sequence[Path]]
"""The roles that a provider has, each with the files that are not there."""

EngineProvider = Callable[[Paths, EngineSettings], "Engine"]
ToolboxProvider = Callable[[Paths], "FaceToolbox"]

ENGINES: Mapping[str, EngineProvider] = MappingProxyType({DIFFUSERS: _diffusers, WEBUI: _webui})
TOOLBOXES: Mapping[str, ToolboxProvider] = MappingProxyType(
    {BUILTIN: _builtin, COMMERCIAL: _commercial, MODELSCOPE: _modelscope}
)
MISSING_FILES: Mapping[str, Callable[[Paths], MissingFiles]] = MappingProxyType(
    {COMMERCIAL: _missing_of_commercial, MODELSCOPE: _missing_of_modelscope}
)
"""Of providers that have some roles only, or whose files may be missing."""


def make_engine(name: str, paths: Paths, settings: EngineSettings | None = None) -> Engine:
    """The engine of that name. Raises BadRequest."""
    return _known(name, ENGINES)(paths, settings or EngineSettings())


@dataclass(frozen=True)
class ToolboxChoice:
    """Which provider carries out each role, and what is not as it was asked for."""

    by_role: Mapping[Role, str]
    notes: tuple[Message, ...] = ()


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
        self._default = self._asked(default)

    @property
    def names(self) -> tuple[str, ...]:
        """What can be asked for now: providers that have the files of a role, and `AUTO` where there are several."""
        there = tuple(name for name in self._providers if any(not files for files in self._missing(name).values()))
        return (*there, AUTO) if len(there) > 1 else there

    def check(self, asked: str) -> None:
        """Raise BadRequest for a toolbox that cannot be; nothing is made."""
        self._asked(asked)

    def name(self, asked: str = "") -> str:
        """Of what is used, in full, for records: a provider's name, or one for every role. Raises BadRequest."""
        roles = self.choice(asked).by_role
        return _only(roles) or ",".join(f"{role.value}={name}" for role, name in roles.items())

    def get(self, asked: str = "") -> FaceToolbox:
        """The toolbox as it is asked for, see above; the default for "". Raises BadRequest."""
        from easyphoto.faces.composed import ComposedToolbox

        roles = self.choice(asked).by_role
        with self._lock:
            parts = {role: self._provider(name) for role, name in roles.items()}
        return parts[Role.DETECT] if _only(roles) else ComposedToolbox(parts)

    def choice(self, asked: str = "") -> ToolboxChoice:
        """What the files that are there make of it. Raises BadRequest."""
        chosen, notes = {}, []
        missing = {name: self._missing(name) for name in self._providers}
        for role, name in self._asked(asked).items():
            ready = [one for one, roles in missing.items() if role in roles and not roles[role]]
            if name == AUTO:
                chosen[role] = ready[-1]
            elif files := missing[name].get(role):
                chosen[role] = ready[0]
                notes.append(_instead(role, name, files))
            else:
                chosen[role] = name if role in missing[name] else ready[0]
        return ToolboxChoice(chosen, tuple(notes))

    def release(self) -> None:
        """Give back the memory of networks, where a provider can."""
        with self._lock:
            made = list(self._made.values())
        for provider in made:
            if isinstance(provider, Releasable):
                provider.release()

    def _missing(self, name: str) -> MissingFiles:
        table = MISSING_FILES.get(name)
        return table(self._paths) if table else dict.fromkeys(Role, ())

    def _asked(self, asked: str) -> dict[Role, str]:
        named = _roles(asked)
        for role, name in named.items():
            known = name == AUTO or _known(name, self._providers)
            if known and "=" in asked and name != AUTO and role not in self._missing(name):
                raise BadRequest("provider-without-role", stage="start", name=name, role=role.value)
        return {**self._default, **named}

    def _provider(self, name: str) -> FaceToolbox:
        if name not in self._made:
            self._made[name] = self._providers[name](self._paths)
        return self._made[name]


@runtime_checkable
class Releasable(Protocol):
    """A provider that can give memory back."""

    def release(self) -> None:
        """The next call takes it again."""
        ...


def _instead(role: Role, name: str, files: Sequence[Path]) -> Message:
    """That the role is not carried out by that provider."""
    return message(
        "faces.note.built-in-instead", role=message(f"faces.role.{role.value}"), name=name, weights=files[0].name
    )


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
