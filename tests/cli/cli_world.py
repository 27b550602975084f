"""The console with a studio that has one person, and engines of two families."""

from __future__ import annotations

from dataclasses import replace

from fake_studio import FakeStudio
from fakes import FakeEngine

from easyphoto.cli import app
from easyphoto.domain import Checkpoint, ModelFamily


class TwoFamilies(FakeEngine):
    """Knows the built-in model and, under every name that starts with "sd", one of Stable Diffusion 1.5."""

    def checkpoint(self, name: str) -> Checkpoint:
        if name.startswith("sd"):
            return replace(self.checkpoints()[0], name=name, family=ModelFamily.SD15)
        return super().checkpoint(name)


def run(studio: FakeStudio, *arguments: object) -> int:
    """The exit code of `easyphoto ARGUMENTS`."""
    return app.main([str(argument) for argument in arguments], lambda root: studio)  # type: ignore[arg-type, return-value]
