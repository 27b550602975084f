"""Model files that are not part of the program: the list of them, where they lie, and how they are fetched."""

from __future__ import annotations

from easyphoto.weights.catalog import FOLDERS, WeightCatalog, WeightFile
from easyphoto.weights.lora_files import lora_files
from easyphoto.weights.plan import FetchPlan, PlannedFile, refused, selected
from easyphoto.weights.reading import read_catalog
from easyphoto.weights.sources import WeightSource
from easyphoto.weights.store import Fetched, FileState, Presence, WeightStore, learnt_note

__all__ = [
    "FOLDERS",
    "FetchPlan",
    "Fetched",
    "FileState",
    "PlannedFile",
    "Presence",
    "WeightCatalog",
    "WeightFile",
    "WeightSource",
    "WeightStore",
    "learnt_note",
    "lora_files",
    "read_catalog",
    "refused",
    "selected",
]
