"""HTML from the templates beside this file. jinja2 escapes every value that is not HTML of ours already."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

FOLDER = Path(__file__).with_name("templates")
_BETWEEN_TAGS = re.compile(r">\s+<")


def render(template: str, **values: Any) -> Markup:
    """The template with its values; white space between two tags is left out. A value that it lacks raises."""
    return _tight(_environment().get_template(f"{template}.html").render(**values))


def macro(template: str, name: str) -> Callable[..., Markup]:
    """A macro of that template as a function."""
    found = getattr(_environment().get_template(f"{template}.html").module, name)
    return lambda *arguments, **named: _tight(found(*arguments, **named))


def _tight(html: str) -> Markup:
    return Markup(_BETWEEN_TAGS.sub("><", html.strip()))


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
