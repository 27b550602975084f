"""Templates that the user brings: added to the library and chosen at once."""

from __future__ import annotations

from typing import Any

from easyphoto.library.uploads import StoredUpload
from easyphoto.system_errors import FAILURES
from easyphoto.ui.components import problem
from easyphoto.ui.context import UiContext
from easyphoto.ui.selection import Selection


def add_templates(context: UiContext, value: Any, selection: Selection) -> tuple[Selection, str]:
    """The selection with the pictures of an upload's value, and what was wrong: a bad one is named, the others stay."""
    troubles = []
    try:
        with context.uploads.temporary(value) as files:
            for brought in files:
                selection, trouble = add_template(context, brought, selection)
                troubles.append(trouble)
    except FAILURES as error:
        troubles.append(problem(error, context.say))
    return selection, "".join(troubles)


def add_template(context: UiContext, brought: StoredUpload, selection: Selection) -> tuple[Selection, str]:
    """With it among the templates, or why not."""
    try:
        return selection.toggled(context.templates.add(brought.file, brought.name).id), ""
    except FAILURES as error:
        return selection, problem(error, context.say, brought.name)
