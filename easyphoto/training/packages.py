"""The trainer's packages, exactly: what is fetched, how, and what is said when that fails."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from easyphoto.errors import MissingPackage, TrainingFailed
from easyphoto.locales import Message, message
from easyphoto.training.interpreter import Interpreter
from easyphoto.training.trainer_process import lines, running

STAGE = "prepare trainer"
LOG = "prepare.log"
WHEELS = "wheels"
"""A folder beside the packages: wheels that the user puts there are taken instead of fetched ones."""
LAST_LINES = 40
_NO_NETWORK = r"NewConnectionError|Max retries|timed out|name resolution|getaddrinfo|Network is unreachable|ProxyError"
_NO_SPACE = r"No space left on device|not enough space|Errno 28"


@dataclass(frozen=True)
class Pin:
    """A package at one version."""

    name: str
    version: str

    def __str__(self) -> str:
        """As pip reads it."""
        return f"{self.name}=={self.version}"

    @property
    def stem(self) -> str:
        """How its files' names begin."""
        return f"{self.name.replace('-', '_')}-{self.version}"

    @property
    def mark(self) -> str:
        """The folder pip leaves when it is installed."""
        return f"{self.stem}.dist-info"


PINS = (
    # As Forge has them; they run with the torch 2.1 of A1111 1.10 and with newer ones, and need nothing else that a
    # WebUI does not have.
    Pin("safetensors", "0.5.3"),
    Pin("huggingface-hub", "0.26.2"),
    Pin("tokenizers", "0.20.3"),
    Pin("transformers", "4.46.1"),
    Pin("accelerate", "0.31.0"),
    Pin("peft", "0.13.2"),
    Pin("diffusers", "0.31.0"),
)

_QUIET_PIP = {
    # What a user may have set for all of pip, but what must not reach into our folder.
    "PIP_USER": "0",
    "PIP_REQUIRE_VIRTUALENV": "0",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_DEFAULT_TIMEOUT": "20",
    "PIP_RETRIES": "2",
}
_NOT_FOR_US = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_CONSTRAINT", "PIP_UPGRADE", "PIP_DRY_RUN")


def fetch(pin: Pin, interpreter: Interpreter, folder: Path, beat: Callable[[], None]) -> None:
    """The package into the interpreter's first folder, and nothing else anywhere.

    `beat` is called every half second at least; what it raises ends pip. Raises MissingPackage, TrainingFailed.
    """
    (made,) = interpreter.packages
    command = [str(interpreter.python), "-X", "utf8", "-m", "pip", "install", *_options(pin, folder)]
    code, said = _listen([*command, "--target", str(made), str(pin)], _environment(), folder, beat)
    if code or not (made / pin.mark).is_dir():
        raise _not_fetched(pin, code, said, interpreter, folder)


def _environment() -> dict[str, str]:
    """Ours, with a quiet pip that asks the index the WebUI was told to use."""
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_US} | _QUIET_PIP
    if index := os.environ.get("INDEX_URL"):
        environment["PIP_INDEX_URL"] = index
    return environment


def _options(pin: Pin, folder: Path) -> list[str]:
    """Wheels only, as they are: never a compiler, never a dependency, no compiled modules (their names are long)."""
    options = ["--no-deps", "--only-binary=:all:", "--no-compile", "--progress-bar=off", "--no-warn-script-location"]
    wheels = folder / WHEELS
    return [*options, "--no-index", "--find-links", str(wheels)] if any(wheels.glob(f"{pin.stem}-*.whl")) else options


def try_out(pins: tuple[Pin, ...], interpreter: Interpreter, folder: Path, beat: Callable[[], None]) -> None:
    """Import what a training needs, in a process as the trainer's. Raises TrainingFailed when it cannot be."""
    command = interpreter.command("kohya_train.check", *map(str, pins))
    code, said = _listen(command, interpreter.environment(), folder, beat)
    if code:
        raise TrainingFailed("trainer.packages-do-not-work", exit_code=code, last_lines=said, log=str(folder / LOG))


def _listen(
    command: list[str], environment: dict[str, str], folder: Path, beat: Callable[[], None]
) -> tuple[int, tuple[str, ...]]:
    """Run to the end; exit code and last lines. Both outputs go to the log."""
    log = folder / LOG
    with log.open("ab") as sink:
        begun = sink.tell()
        with running(command, sink, environment, folder) as process:
            for line in lines(process):
                beat()
                if line is not None:
                    sink.write(line.encode())
                    sink.flush()
            code = process.wait()
    with log.open("rb") as opened:
        opened.seek(begun)
        return code, tuple(opened.read().decode(errors="replace").splitlines()[-LAST_LINES:])


def _not_fetched(
    pin: Pin, code: int, said: tuple[str, ...], interpreter: Interpreter, folder: Path
) -> MissingPackage | TrainingFailed:
    text = "\n".join(said)
    if re.search(_NO_SPACE, text):
        return TrainingFailed(
            "trainer.disk-full", exit_code=code, last_lines=said, log=str(folder / LOG), package=str(pin)
        )
    about = {"stage": STAGE, "file": str(folder / LOG)}
    advice = _by_hand(interpreter, folder)
    if re.search(_NO_NETWORK, text):
        return MissingPackage("trainer.not-fetched-offline", **about, package=str(pin), advice=advice)
    return MissingPackage("trainer.not-fetched", **about, package=str(pin), code=code, advice=advice)


def _by_hand(interpreter: Interpreter, folder: Path) -> Message:
    """What to do with and without a connection."""
    names = " ".join(map(str, PINS))
    command = f'"{interpreter.python}" -m pip download --no-deps --only-binary=:all: --dest "{folder / WHEELS}" {names}'
    return message("trainer.fetch-by-hand", command=command)
