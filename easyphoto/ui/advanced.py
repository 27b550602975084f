"""The fields few people need: grouped by stage, set together by presets, marked where changed, reset at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from easyphoto.domain import PortraitRequest, TrainRequest
from easyphoto.errors import EasyPhotoError
from easyphoto.families import FALLBACK, ModelFamily
from easyphoto.ui import compat
from easyphoto.ui.context import UiContext
from easyphoto.ui.effort import NORMAL, PRESETS
from easyphoto.ui.effort_times import EffortTimes
from easyphoto.ui.form import Form
from easyphoto.ui.rendering import render

GROUPS: dict[type[Any], dict[str, tuple[str, ...]]] = {
    TrainRequest: {
        "photos": ("faces", "enhance_photos", "retouch", "resolution"),
        "length": (
            "train_lora",
            "max_steps",
            "steps_per_photo",
            "batch_size",
            "accumulation",
            "stop_on_plateau",
        ),
        "learning": (
            *("learning_rate", "text_encoder_lr", "rank", "alpha"),
            *("lr_scheduler", "min_snr_gamma", "noise_offset", "masked_loss", "ema_decay", "seed"),
        ),
        "checkpoints": ("validation", "save_steps", "merge", "accept_early", "keep_checkpoints"),
        "memory": ("precision", "gradient_checkpointing", "processes"),
    },
    PortraitRequest: {
        "text": (
            *("from_text", "width", "height", "drawing_steps"),
            *("pose_weight", "scene_lora", "scene_lora_weight"),
        ),
        "source": ("faces", "enhance_photos", "crop_face", "keep_template_skin", "lora_weight", "identity_weight"),
        "first": ("fusion_before", "fusion_before_ratio", "first_steps", "first_denoising_strength", "color_first"),
        "second": (
            *("fusion_after", "fusion_after_ratio", "second_pass", "second_steps"),
            *("second_denoising_strength", "color_last"),
        ),
        "finish": ("retouch", "retouch_ratio", "enhance_detail", "enhance_detail_ratio"),
        "diffusion": ("sampler", "lcm", "cfg_scale", "vae", "require_control"),
    },
}
"""Names of groups, in the order of the work, with their fields."""


class AdvancedFields:
    """Makes the widgets of a form that no panel has placed, and listens to them."""

    def __init__(self, form: Form, context: UiContext) -> None:
        self.form = form
        self.context = context
        self.groups = GROUPS[form.kind]
        self.titles: list[Any] = []
        self.measured = EffortTimes(form.kind, context)

    # ------------------------------------------------------------ layout

    def build(self) -> None:
        """The presets, and below them the groups, folded."""
        say, prefix = self.context.say, self.form.prefix
        names = self._names(self.context.base().family)
        kind = prefix.removeprefix("ep-")
        self.preset = gr.Radio(
            names,
            value=say(f"effort.{NORMAL}"),
            label=say("effort"),
            info=say(f"effort.{kind}"),
            elem_id=f"{prefix}-effort",
        )
        self.times = gr.HTML("", elem_id=f"{prefix}-times")
        self.note = gr.HTML("", elem_id=f"{prefix}-changed")
        with gr.Accordion(say("advanced"), open=False, elem_id=f"{prefix}-advanced"):
            for group, fields in self.groups.items():
                title, seen = render("group", title=say(f"group.{group}")), self._is_seen(fields, self.form.hidden)
                self.titles.append(gr.HTML(title, visible=seen))
                for name in (name for name in fields if name not in self.form.widgets):
                    self.form.place(name, **self.context.choices(name))
            self.reset = gr.Button(say("reset"), elem_id=f"{prefix}-reset")

    def _names(self, family: ModelFamily) -> list[str]:
        """The presets that change something with that family."""
        defaults = self.form.kind.for_family(family)
        offered = PRESETS[self.form.kind].items()
        return [self.context.say(f"effort.{n}") for n, one in offered if not one.needs or getattr(defaults, one.needs)]

    def _is_seen(self, fields: Sequence[str], hidden: Sequence[str]) -> bool:
        """Whether anything stands below a group's title."""
        return any(name not in hidden for name in fields if name != "faces")

    # ------------------------------------------------------------ events

    def listen(self) -> None:
        """Bind what was built; all fields of the form must be there."""
        widgets, model = self.form.all_widgets(), self.form.widgets["base_model"]
        compat.listen(self.preset.input, self.on_preset, [self.preset, model], widgets)
        compat.listen(self.reset.click, self.on_reset, [model], [self.preset, *widgets])
        compat.listen(model.change, self.on_model, [model], [self.preset, *self.titles])
        for name in self._settable():
            compat.listen(self.form.widgets[name].change, self.on_changed, widgets, [self.note])

    def on_preset(self, chosen: str, model: str) -> list[Any]:
        """The family's defaults with the preset's values on top."""
        presets = {self.context.say(f"effort.{name}"): one for name, one in PRESETS[self.form.kind].items()}
        return self._updates(presets[chosen].request(self.form.kind, self._family(model)))

    def on_reset(self, model: str) -> list[Any]:
        """The family's defaults."""
        return [gr.update(value=self.context.say(f"effort.{NORMAL}")), *self._updates(self._defaults(model))]

    def on_model(self, model: str) -> list[Any]:
        """The presets and titles of another family; its defaults come with it."""
        family = self._family(model)
        preset = gr.update(choices=self._names(family), value=self.context.say(f"effort.{NORMAL}"))
        hidden = self.form.without_effect(family)
        return [preset, *(gr.update(visible=self._is_seen(fields, hidden)) for fields in self.groups.values())]

    def on_changed(self, *values: Any) -> str:
        """Which fields differ from the family's defaults."""
        now = dict(zip(self.form.widgets, values, strict=True))
        defaults = self._defaults(str(now["base_model"]))
        names = [name for name in self._settable() if differs(now[name], getattr(defaults, name))]
        labels = [self.context.say.label(self.form.options[name]) for name in names]
        ids = [self.form.element_id(name) for name in names]
        return render("changed", labels=labels, ids=ids, say=self.context.say)

    def _settable(self) -> Sequence[str]:
        """What presets and the reset set: every grouped field, and what the presets change besides."""
        grouped = [name for fields in self.groups.values() for name in fields]
        others = [n for one in PRESETS[self.form.kind].values() for n in one.fields if n not in grouped]
        return [*grouped, *dict.fromkeys(others)]

    def _updates(self, request: Any) -> list[Any]:
        settable = self._settable()
        return [gr.update(value=getattr(request, n)) if n in settable else gr.update() for n in self.form.widgets]

    def _defaults(self, model: str) -> Any:
        return self.form.kind.for_family(self._family(model))

    def _family(self, model: str) -> ModelFamily:
        """Of a base model; the fallback for one that has just gone."""
        try:
            return self.context.studio.engine.checkpoint(model).family
        except EasyPhotoError:
            return FALLBACK


def differs(value: Any, default: Any) -> bool:
    """Whether a widget's value is not the default; sliders send whole numbers as floats, empty choices None."""
    return bool(value) != default if isinstance(default, bool) else (value or type(default)()) != default
