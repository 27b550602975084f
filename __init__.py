"""For ComfyUI, which imports the folders in its `custom_nodes`; nobody else imports this file.

Our packages are loaded by their place and not through `sys.path`, where the folders `models`, `scripts` and `tests`
beside them would hide those of others. Nothing is imported before ComfyUI asks for the nodes.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PACKAGES = ("kohya_train", "builtin_model", "easyphoto")


async def comfy_entrypoint() -> Any:
    """The extension with all nodes. Raises ImportError naming another folder that has a package of our name."""
    for package in PACKAGES:
        bring_in(package)
    return importlib.import_module("easyphoto.comfyui.extension").EasyPhotoExtension()


def bring_in(package: str) -> None:
    """Have `import` find that package in our folder."""
    file = HERE / package / "__init__.py"
    if package in sys.modules:
        found = getattr(sys.modules[package], "__file__", None)
        if found is None or Path(found).resolve() != file:
            raise ImportError(
                f"EasyPhoto cannot start: another package is named {package} and was loaded first: {found}"
            )
        return
    spec = importlib.util.spec_from_file_location(package, file, submodule_search_locations=[str(file.parent)])
    if spec is None or spec.loader is None:
        raise ImportError(f"EasyPhoto cannot start: {file} is not there; clone the repository again")
    module = importlib.util.module_from_spec(spec)
    sys.modules[package] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[package]
        raise
