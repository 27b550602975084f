"""Families of models: everything in which one differs from another is a value in the family's own file.

A new family is a member here, a module of its name beside this file (`SPEC`), and one in `kohya_train/families/`;
where single files of it are opened, its architecture lies in `models/configs/`.
"""

from __future__ import annotations

from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from easyphoto.families.base import FamilySpec


class ModelFamily(str, Enum):
    """Which architecture a base model or a LoRA belongs to."""

    BUILTIN = "built-in"
    EXPERIMENTAL = "experimental"
    SD15 = "sd15"
    SDXL = "sdxl"

    @property
    def spec(self) -> FamilySpec:
        """What is particular to it; its module is imported when it is first asked for."""
        module = import_module(f"{__name__}.{self.value.replace('-', '_')}")
        return cast("FamilySpec", module.SPEC)


SHIPPED = ModelFamily.BUILTIN
"""The family of the base model that ships with the program."""

FALLBACK = ModelFamily.SD15
"""The family whose defaults a form shows while there is no base model at all."""


def foreign_labels() -> str:
    """What base models of other people's making may be: "SD 1.5 / SDXL"."""
    return " / ".join(spec.label for spec in specs() if spec.probe is not None)


def specs() -> tuple[FamilySpec, ...]:
    """Of every family, in the order of the enum."""
    return tuple(family.spec for family in ModelFamily)
