"""A checkout of a WebUI, read without running it: names, signatures, fields and attributes of its modules."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

NETWORKS = ("extensions-builtin/Lora", "extensions-builtin/sd_forge_lora")
CONTROLNETS = ("extensions-builtin/sd_forge_controlnet", "extensions/sd-webui-controlnet")


@dataclass(frozen=True)
class HostSources:
    """The folder with the host's launch.py."""

    root: Path

    @cached_property
    def kind(self) -> str:
        """Of which of our records it is, as `easyphoto.engines.webui.host_kinds` decides it in the running host."""
        names = self.names("modules/sd_models.py")
        if "forge_model_reload" in names:
            return "forge" if "SkipWritingToConfig" in names else "forge_neo"
        return "reforge" if (self.root / "modules_forge").is_dir() else "a1111"

    def has(self, file: str) -> bool:
        return (self.root / file).is_file()

    def tree(self, file: str) -> ast.Module:
        return ast.parse((self.root / file).read_text(encoding="utf-8"))

    def text(self, *folders: str) -> str:
        """Of every Python file below these folders."""
        files = [file for folder in folders for file in sorted((self.root / folder).rglob("*.py"))]
        return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)

    def names(self, file: str) -> set[str]:
        """That the module has: defined, assigned or imported."""
        found: set[str] = set()
        for node in ast.walk(self.tree(file)):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found.add(node.name)
            elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found |= {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        return found

    def attributes(self, file: str, name: str) -> set[str]:
        """Of a class: its fields, its methods, and what these set."""
        found: set[str] = set()
        for node in ast.walk(self._class(file, name)):
            if isinstance(node, ast.FunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
        return found

    def fields(self, file: str, name: str) -> list[str]:
        """Of a dataclass, in order."""
        body = self._class(file, name).body
        return [
            node.target.id for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        ]

    def parameters(self, file: str, name: str, of: str = "") -> list[str]:
        """Of a function or a method, as recorded: `x`, `x=` with a default, `*rest`, `**more`; without `self`."""
        body = self._class(file, of).body if of else self.tree(file).body
        function = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == name)
        given = function.args
        places = [*given.posonlyargs, *given.args]
        required = len(places) - len(given.defaults)
        found = [f"{one.arg}{'=' if at >= required else ''}" for at, one in enumerate(places) if one.arg != "self"]
        found += [f"*{given.vararg.arg}"] if given.vararg else []
        return found + ([f"**{given.kwarg.arg}"] if given.kwarg else [])

    def _class(self, file: str, name: str) -> ast.ClassDef:
        return next(node for node in self.tree(file).body if isinstance(node, ast.ClassDef) and node.name == name)
