"""Families of base models: everything in which one differs from another is a value in the family's own file."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from kohya_train.contract import FAMILIES, BadConfig

if TYPE_CHECKING:
    from kohya_train.families.base import TrainerSpec


def spec_of(family: str) -> TrainerSpec:
    """What is particular to the family of that name. Raises BadConfig."""
    if family not in FAMILIES:
        raise BadConfig("unknown-family", family=family)
    module = import_module(f"{__name__}.{family.replace('-', '_')}")
    return cast("TrainerSpec", module.SPEC)
