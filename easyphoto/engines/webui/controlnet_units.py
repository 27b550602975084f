"""Which of the WebUI's ControlNet models serves which hint, as units the host understands; or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from easyphoto.domain import ControlHint, HintKind, ModelFamily
from easyphoto.engines.control_images import coarse_color
from easyphoto.engines.controlnet_catalog import dropped, is_coarse, missing, place, plain, rank
from easyphoto.engines.model_probe import family_of_control
from easyphoto.engines.webui.host import Host
from easyphoto.errors import MissingModel
from easyphoto.locales import Message, message

PROJECT = "https://github.com/Mikubill/sd-webui-controlnet"
_UNION = "union"


@dataclass(frozen=True)
class ControlNetUnit:
    """A hint and the model that serves it, by the host's exact name."""

    hint: ControlHint  # its picture as the model reads it
    model: str


class ControlNetModels:
    """The ControlNet models of the host and how a unit is made for one, whichever kind it is of."""

    def __init__(self, host: Host) -> None:
        """Raises ImportError for a ControlNet that cannot be driven."""
        self._kind = host.kind.controlnet
        self._code = self._kind.code()
        self._names = self._kind.names()
        self._args = host.shared.cmd_opts

    @property
    def folder(self) -> str:
        """Where a missing file belongs."""
        given = getattr(self._args, "controlnet_dir", None)
        return str(given or getattr(self._names, "cn_models_dir", "models/ControlNet"))

    def models(self, fresh: bool = False) -> dict[str, Path]:
        """Exact name with hash -> file; `fresh` looks at the disk again."""
        if self._kind.builtin:
            if fresh:
                self._names.update_controlnet_filenames()
            names = self._names.get_all_controlnet_names()
            return {name: Path(self._names.get_controlnet_filename(name)) for name in names if name != "None"}
        return {name: Path(self._names.cn_models[name]) for name in self._code.get_models(update=fresh)}

    def takes(self, name: str) -> bool:
        """Whether this version can use such a model; a union needs to be told what it is shown."""
        unit = self._code.ControlNetUnit
        fields = getattr(unit, "__dataclass_fields__", None) or getattr(unit, "__fields__", {})
        return _UNION not in plain(name) or self._kind.union_field in fields

    def unit(self, unit: ControlNetUnit) -> Any:
        """As the host wants it. The picture is the finished control picture: no preprocessor."""
        union = {self._kind.union_field: self._kind.union_types[unit.hint.kind]} if _UNION in plain(unit.model) else {}
        return self._code.ControlNetUnit(
            enabled=True,
            module=self._kind.no_preprocessor,
            model=unit.model,
            weight=unit.hint.weight,
            pixel_perfect=True,
            guidance_start=0.0,
            guidance_end=1.0,
            **self._kind.fields(self._code, np.asarray(unit.hint.picture.convert("RGB"))),
            **union,
        )


def choose_units(
    host: Host, hints: Sequence[ControlHint], family: ModelFamily
) -> tuple[tuple[ControlNetUnit, ...], tuple[Message, ...]]:
    """A unit for every hint there is a model for, and notes for the others.

    Raises MissingModel for a hint that is required, saying what is missing and where it belongs.
    """
    if not hints:
        return (), ()
    absent = why_absent(host)
    if absent is not None:
        if any(hint.required for hint in hints):
            raise absent
        return (), (message("controlnet.note.without", why=absent.messages()[0]),)
    installed = ControlNetModels(host)
    chosen = {hint.kind: _choose(installed, hint.kind, family) for hint in hints}
    for hint in hints:
        if hint.required and chosen[hint.kind] is None:
            raise missing(hint.kind, family, installed.folder)
    units = tuple(_unit_of(hint, model, family) for hint in hints if (model := chosen[hint.kind]) is not None)
    return units, tuple(dropped(hint.kind, family) for hint in hints if chosen[hint.kind] is None)


def _unit_of(hint: ControlHint, model: str, family: ModelFamily) -> ControlNetUnit:
    if is_coarse(model, hint.kind, family):
        hint = replace(hint, picture=coarse_color(hint.picture))
    return ControlNetUnit(hint, model)


def _choose(installed: ControlNetModels, kind: HintKind, family: ModelFamily) -> str | None:
    """The best model; when none is listed the disk is looked at once more, since files are put there at any time."""
    return _best(installed, kind, family, installed.models()) or _best(
        installed, kind, family, installed.models(fresh=True)
    )


def _best(installed: ControlNetModels, kind: HintKind, family: ModelFamily, listed: Mapping[str, Path]) -> str | None:
    places = {name: _place(name, file, kind, family) for name, file in listed.items() if installed.takes(name)}
    fitting = [(at, name) for name, at in places.items() if at is not None]
    return min(fitting)[1] if fitting else None


def _place(name: str, file: Path, kind: HintKind, family: ModelFamily) -> int | None:
    """How good that model is, 0 the best; None where it is for another hint or family.

    What the file's header says outweighs its name; pickles are never opened, they need a well-known name.
    """
    served = place(name, kind, family)
    if served is None:
        return None
    told = family_of_control(file)
    if told is None:
        return rank(name, kind, family)
    return served if told is family else None


def why_absent(host: Host) -> MissingModel | None:
    """Why there is no ControlNet: not installed, switched off, failed to load, or too old; None when it is there."""
    if script_of(host) is not None:
        return _too_old(host)
    wanted = host.kind.controlnet.extension
    names = (extension.name for extension in host.extensions.extensions)
    here = next((name for name in names if name.lower().startswith((wanted, "controlnet"))), None)
    active = [extension.name for extension in host.extensions.active()]
    if here is None and host.kind.controlnet.builtin:
        return MissingModel("controlnet.builtin-gone", stage="ControlNet", file=wanted, host=host.kind.name)
    if here is None:
        return MissingModel("controlnet.not-installed", stage="ControlNet", file=wanted, project=PROJECT)
    if here not in active:
        return MissingModel("controlnet.disabled", stage="ControlNet", file=here)
    return MissingModel("controlnet.not-loaded", stage="ControlNet", file=here)


def _too_old(host: Host) -> MissingModel | None:
    try:
        ControlNetModels(host)
    except ImportError:
        return MissingModel("controlnet.too-old", stage="ControlNet")
    return None


def script_of(host: Host) -> Any:
    """The host's own ControlNet script for img2img."""
    runner = host.scripts.scripts_img2img
    scripts = runner.alwayson_scripts if runner is not None else []
    return next((script for script in scripts if str(script.title()).lower() == "controlnet"), None)
