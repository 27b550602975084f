"""`python -m kohya_train.check NAME==VERSION...`: load what a training needs, and see that it is what was asked for.

Exit code 0 when it is; what came from where is told on standard error.
"""

from __future__ import annotations

import importlib
import logging
import sys
from importlib import metadata
from pathlib import Path

_log = logging.getLogger("kohya_train.check")


def main(pins: list[str]) -> int:
    """1 when a package has another version, or its code lies elsewhere than its description. Raises ImportError."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    for module in ("kohya_train.loop", "kohya_train.sample", "builtin_model.repaint"):
        importlib.import_module(module)
    from diffusers import StableDiffusionInpaintPipeline, StableDiffusionXLInpaintPipeline

    _log.info("%s, %s", StableDiffusionInpaintPipeline.__name__, StableDiffusionXLInpaintPipeline.__name__)
    found = [_as_asked(*pin.split("==")) for pin in pins]
    return 0 if all(found) else 1


def _as_asked(name: str, version: str) -> bool:
    """The module that is loaded is the named version, and no other copy hides it."""
    found = metadata.distribution(name)
    module = importlib.import_module(name.replace("-", "_"))
    file = Path(str(module.__file__)).resolve()
    _log.info("%s %s from %s", name, found.version, file)
    return found.version == version and file.is_relative_to(Path(str(found.locate_file(""))).resolve())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
