"""What portraits from photos alone need besides their pictures."""

from __future__ import annotations

from dataclasses import dataclass, field

from easyphoto.domain.portrait import PortraitRequest
from easyphoto.errors import BadRequest


@dataclass(frozen=True)
class QuickRequest:
    """Raises BadRequest where persons of the library are named; without consent it is refused where it is used."""

    portrait: PortraitRequest = field(default_factory=PortraitRequest)  # the leftmost face of each template counts
    consent: bool = False  # the person shown has agreed

    def __post_init__(self) -> None:
        if self.portrait.persons:
            raise BadRequest("quick.named-persons", stage="request")

    @property
    def faces(self) -> str:
        """Name of the face toolbox."""
        return self.portrait.faces
