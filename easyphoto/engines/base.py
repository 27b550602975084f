"""What an engine offers: it repaints the masked part of a picture with a diffusion model."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from easyphoto.domain import Checkpoint, IdentityAdapter, ModelFamily, Rendered, RenderJob
from easyphoto.progress import Progress, silent


class Engine(Protocol):
    """One signature for diffusers in our own process and for the WebUI's."""

    def checkpoints(self) -> list[Checkpoint]:
        """Base models that can be asked for by name; cheap."""
        ...

    def default(self) -> str:
        """The name of the base model that is offered first; "" where there is none."""
        ...

    def checkpoint(self, name: str) -> Checkpoint:
        """The one of that name. Raises MissingModel."""
        ...

    def vaes(self) -> list[str]:
        """Autoencoders that can stand in for a base model's own, by the names that jobs ask for; cheap."""
        ...

    def identity_adapter(self, family: ModelFamily) -> IdentityAdapter | None:
        """What shows such a base model a person's face; None where nothing does. Cheap."""
        ...

    def session(self) -> AbstractContextManager[None]:
        """Inside it the engine may keep the host's models and settings changed from one render to the next.

        On leaving, also by an exception, they are the host's own again.
        """
        ...

    def render(self, job: RenderJob, report: Progress) -> Rendered:
        """The job's picture with the masked part repainted, same size.

        Raises MissingModel, BadModel, RenderFailed; Cancelled passes through from `report`.
        """
        ...

    def offloaded(self, report: Progress = silent) -> AbstractContextManager[Progress]:
        """Inside it the engine holds no device memory, so that the trainer can have it; render nothing there.

        `report` is told while another one's work is waited for, and may end the waiting. What the block reports goes to
        the progress that it is given, so that a host can show it; it raises Cancelled where the host is told to stop.
        """
        ...

    def forget(self, lora: Path) -> None:
        """Remove every copy of that LoRA file which the engine has made elsewhere; call it while the file is there."""
        ...
