"""xformers where it is there and works, else torch's own attention."""

from __future__ import annotations

import pytest

from easyphoto import diagnostics
from easyphoto.engines.local import attention


class Pipe:
    def __init__(self, problem: Exception | None = None) -> None:
        self.problem, self.switched = problem, 0

    def enable_xformers_memory_efficient_attention(self) -> None:
        self.switched += 1
        if self.problem:
            raise self.problem


@pytest.mark.parametrize(
    ("installed", "device", "problem", "used", "tried"),
    [
        (True, "cuda:0", None, True, 1),
        (True, "cuda", NotImplementedError("built for another GPU"), False, 1),
        (True, "cuda", ModuleNotFoundError("xformers.ops"), False, 1),
        (True, "cpu", None, False, 0),
        (False, "cuda", None, False, 0),
    ],
)
def test_it_is_used_where_it_works(
    monkeypatch: pytest.MonkeyPatch, installed: bool, device: str, problem: Exception | None, used: bool, tried: int
):
    monkeypatch.setattr(attention, "find_spec", lambda name: object() if installed else None)
    pipe = Pipe(problem)
    assert (attention.use_xformers(pipe, device), pipe.switched) == (used, tried)


@pytest.mark.parametrize(("version", "said"), [("0.0.28", "xformers 0.0.28"), ("", "SDPA")])
def test_the_doctor_says_which(monkeypatch: pytest.MonkeyPatch, version: str, said: str):
    monkeypatch.setattr(diagnostics, "version_of", lambda name: version)
    (found,) = [one for one in diagnostics.packages() if one.name == "attention"]
    assert said in found.value and found.state == diagnostics.GOOD
