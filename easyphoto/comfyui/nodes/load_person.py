"""The node *Load person*: somebody of the library."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from easyphoto.comfyui.failures import shown_by_host, validated
from easyphoto.comfyui.person_choice import TYPE, choice_of, listed, open_listed
from easyphoto.comfyui.runtime import library
from easyphoto.comfyui.texts import labels, titles


class LoadPerson(io.ComfyNode):
    """The list is made anew whenever ComfyUI's page asks for its nodes: *Refresh* shows new persons."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """A name in, a person out."""
        people = listed(library())
        return io.Schema(
            node_id="EasyPhotoLoadPerson",
            **titles("load"),
            inputs=[io.Combo.Input("person", options=people, default=people[0], **labels("person"))],
            outputs=[io.Custom(TYPE).Output("loaded", display_name="person")],
        )

    @classmethod
    def validate_inputs(cls, person: Any = None) -> bool | str:
        """That person is there."""
        return True if person is None else validated(lambda: _open(person))

    @classmethod
    def fingerprint_inputs(cls, person: str) -> str:
        """Changes when the person is trained anew."""
        return open_listed(library(), person).created

    @classmethod
    def execute(cls, person: str) -> io.NodeOutput:
        """Who it is; nothing is read of their pictures."""
        with shown_by_host():
            return io.NodeOutput(choice_of(open_listed(library(), person)))


def _open(person: str) -> None:
    open_listed(library(), person)
