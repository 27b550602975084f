"""The list as a table for the documents."""

from __future__ import annotations

from collections.abc import Iterator

from easyphoto.weights.catalog import WeightCatalog, WeightFile

HEAD = "| id | for | groups | size | SHA-256 | license | commercial use |"


def markdown(catalog: WeightCatalog) -> str:
    """One row a file, in the list's order; ends with a line end."""
    return "\n".join((HEAD, "|---" * (HEAD.count("|") - 1) + "|", *_rows(catalog))) + "\n"


def size_of(file: WeightFile) -> str:
    """In MB or GB of powers of ten; "" where it is not public."""
    if file.bytes is None:
        return ""
    return f"{file.bytes / 1e9:.2f} GB" if file.bytes >= 1e9 else f"{file.bytes / 1e6:.1f} MB"


def _rows(catalog: WeightCatalog) -> Iterator[str]:
    for file in catalog:
        allowed = "yes" if file.commercial else f"no; {', '.join(file.substitutes)}"
        known = f"`{file.sha256[:12]}`" if file.sha256 else "learnt"
        cells = (f"`{file.id}`", file.role, ", ".join(file.groups), size_of(file) or "?", known, file.license, allowed)
        yield f"| {' | '.join(cells)} |"
