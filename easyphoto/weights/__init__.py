"""Model files that are not part of the program: the list of them, where they lie, and how they are fetched."""

from __future__ import annotations

from easyphoto.weights.catalog import FOLDERS, WeightCatalog, WeightFile
from easyphoto.weights.reading import read_catalog
from easyphoto.weights.sources import WeightSource

__all__ = ["FOLDERS", "WeightCatalog", "WeightFile", "WeightSource", "read_catalog"]
