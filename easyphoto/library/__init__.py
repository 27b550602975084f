"""Persons and templates on disk."""

from __future__ import annotations

from easyphoto.library.folders import Removed
from easyphoto.library.names import check_id, check_name, slug
from easyphoto.library.shelf import Library, PersonDraft
from easyphoto.library.templates import Templates

__all__ = ["Library", "PersonDraft", "Removed", "Templates", "check_id", "check_name", "slug"]
