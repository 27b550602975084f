"""Persons and templates on disk."""

from __future__ import annotations

from easyphoto.library.filesystem import Deleted
from easyphoto.library.library import Library, PersonDraft
from easyphoto.library.names import check_id, check_name, slug
from easyphoto.library.templates import Templates

__all__ = ["Deleted", "Library", "PersonDraft", "Templates", "check_id", "check_name", "slug"]
