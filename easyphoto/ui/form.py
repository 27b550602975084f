"""Widgets out of a request's fields, and a request out of the widgets' values: one table for page, API and defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import gradio as gr

from easyphoto.domain import (
    BUILTIN_CHECKPOINT,
    Checkpoint,
    Option,
    PortraitRequest,
    TrainRequest,
    options_of,
)
from easyphoto.errors import BadRequest
from easyphoto.families import SHIPPED, ModelFamily
from easyphoto.ui.i18n import Translator

Request = TypeVar("Request", TrainRequest, PortraitRequest)

BUILTIN = Checkpoint(BUILTIN_CHECKPOINT, SHIPPED)

SLIDER_STEPS = 400  # a range with more stops than this is typed, not slid


class Form:
    """The widgets of one request kind, made where the layout wants them, read as one.

    Every field with an `Option` gets exactly one widget; `widgets` keeps the order in which
    gradio hands the values over.
    """

    def __init__(self, kind: type[Any], say: Translator, prefix: str, base: Checkpoint = BUILTIN) -> None:
        self.kind = kind
        self.say = say
        self.prefix = prefix
        self.options = options_of(kind)
        self.defaults = kind.for_family(base.family, base_model=base.name)
        self.hidden = self.without_effect(base.family)
        self.widgets: dict[str, Any] = {}

    def place(self, *names: str, **changes: Any) -> list[Any]:
        """Make the widgets of those fields here; `changes` override what the widget is made with."""
        for name in names:
            if name in self.widgets:
                raise ValueError(f"{name} has its widget already")
            self.widgets[name] = widget(self._spec(name), changes)
        return [self.widgets[name] for name in names]

    def place_rest(self) -> list[Any]:
        """Make the widgets of all fields that have none yet, in the order of the request."""
        return self.place(*(name for name in self.options if name not in self.widgets))

    def _spec(self, name: str) -> dict[str, Any]:
        option = self.options[name]
        common = {
            **({"visible": False} if name in self.hidden else {}),
            "label": self.say.label(option),
            "value": getattr(self.defaults, name),
            "elem_id": self.element_id(name),
        }
        return {"option": option, "info": self.say.help(option), **common}

    def element_id(self, name: str) -> str:
        """Of a field's widget in the page."""
        return f"{self.prefix}-{name.replace('_', '-')}"

    def all_widgets(self) -> list[Any]:
        """In the order in which `request` expects the values."""
        return list(self.widgets.values())

    def request(self, values: Sequence[Any], **more: Any) -> Any:
        """The request that the widgets' values say. Raises BadRequest naming the field."""
        given = {
            name: cleaned(name, value, getattr(self.defaults, name))
            for name, value in zip(self.widgets, values, strict=True)
        }
        return self.kind(**{**given, **more})

    def defaults_for(self, family: ModelFamily, but: Iterable[str] = ()) -> list[Any]:
        """Updates that set widgets to the family's defaults but those named, and hide what changes nothing with it."""
        sometimes, now = {n for one in ModelFamily for n in self.without_effect(one)}, self.without_effect(family)
        updates = self.updates_for(self.kind.for_family(family), but)
        return [
            {**update, "visible": name not in now} if name in sometimes else update
            for name, update in zip(self.widgets, updates, strict=True)
        ]

    def without_effect(self, family: ModelFamily) -> tuple[str, ...]:
        """Fields that change nothing one can see with that family; they are not shown."""
        return family.spec.without_effect if self.kind is PortraitRequest else ()

    def updates_for(self, request: Any, but: Iterable[str] = ()) -> list[Any]:
        """Updates that set every widget to the request's value, those named in `but` untouched."""
        kept = set(but)
        return [gr.update() if n in kept else gr.update(value=getattr(request, n)) for n in self.widgets]


def widget(spec: Mapping[str, Any], changes: Mapping[str, Any]) -> Any:
    """A checkbox, dropdown, slider, number or text field, as the option asks."""
    option: Option = spec["option"]
    options = {key: value for key, value in spec.items() if key != "option"} | dict(changes)
    value = spec["value"]
    if isinstance(value, bool):
        return gr.Checkbox(**options)
    if option.choices or "choices" in changes:
        return gr.Dropdown(**{"choices": list(option.choices), **options, "value": value or None})
    if isinstance(value, (int, float)):
        return _number(option, options)
    return gr.Textbox(**options)


def _number(option: Option, options: dict[str, Any]) -> Any:
    low, high, step = option.low, option.high, option.step
    if low is not None and high is not None and step is not None and (high - low) / step <= SLIDER_STEPS:
        return gr.Slider(minimum=low, maximum=high, step=step, **options)
    whole = isinstance(options["value"], int)
    return gr.Number(minimum=low, maximum=high, precision=0 if whole else None, **options)


def cleaned(name: str, value: Any, default: Any) -> Any:
    """A widget's value in the field's own type; an emptied number field is refused, never guessed."""
    if isinstance(default, bool):
        return value is True  # consent is never read out of a word
    if isinstance(default, str):
        return "" if value is None else str(value).strip()
    if value is None or isinstance(value, str):
        raise BadRequest("field.no-number-typed", stage="request", name=name)
    if isinstance(default, int):
        if value != int(value):
            raise BadRequest("field.no-whole-number-typed", stage="request", name=name, value=value)
        return int(value)
    return float(value)
