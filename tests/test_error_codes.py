"""Every raise and every message gives a code of the catalogue with exactly its parameters; no text is left over."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import easyphoto
import kohya_train
from easyphoto import errors
from easyphoto.locales import PLAIN, catalogue

ROOT = Path(easyphoto.__file__).parent
TRAINER = Path(kohya_train.__file__).parent
OWN = {"stage", "file", "exit_code", "last_lines", "log"}  # of the error classes themselves
ASKED_ELSEWHERE = (
    "page.",
    "options.",
    "stages.",
    "list.",
    "sentences.",
    "errors.plain.",
    "plain",
    "likeness.",
    "verdict.",
    "figures.",
    "doctor.name.",
    "doctor.state.",
    "faces.role.",
    "cli.table.",
    "cli.help.weights.",
    "weights.presence.",
    "report.",
    "script.order",
    "script.strength",
    "comfyui.node.",
    "comfyui.input.",
)


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for file in sorted(ROOT.rglob("*.py")):
        yield file, ast.parse(file.read_text(encoding="utf-8"))


def name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def error_classes() -> set[str]:
    """Names of EasyPhotoError and its subclasses, wherever they are."""
    bases = {node.name: node.bases for _, tree in trees() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    found, before = {"EasyPhotoError"}, 0
    while len(found) != before:
        before = len(found)
        found |= {name for name, of in bases.items() for base in of if ast.unparse(base).split(".")[-1] in found}
    return found


def forwarders() -> set[str]:
    """Functions that pass a code and ``**params`` on to an error or a message."""
    return {
        node.name
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.args.kwarg and node.args.kwarg.arg == "params"
    } - {"__init__"}


def params_of(*keys: str) -> set[str]:
    texts = (catalogue("en").get(key, "") for key in keys)
    return {re.split(r"[.\[]", name)[0] for said in texts for _, name, _, _ in Formatter().parse(said) if name}


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Place, code, call."""
    classes, passing = error_classes(), forwarders()
    for file, tree in trees():
        ours = classes | (passing if imports_locales(tree) else passing - {"message"})
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name_of(node) in ours:
                given = node.args[:1] if name_of(node) in classes or name_of(node) == "message" else node.args
                for one in given:
                    if isinstance(one, ast.Constant) and isinstance(one.value, str):
                        yield f"{file.relative_to(ROOT)}:{node.lineno}", one.value, node
                        break


def imports_locales(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.ImportFrom) and node.module == "easyphoto.locales" for node in ast.walk(tree))


def keys_of(code: str, call: ast.Call) -> tuple[str, ...]:
    """The texts of that code: a failure's two, or a message's one."""
    whole = errors.problem_key(code)
    return (whole, f"errors.{code}.remedy") if whole in catalogue("en") and code != PLAIN else (code,)


def test_every_code_has_its_text_and_gets_exactly_its_parameters():
    wrong = []
    for place, code, call in calls():
        keys = keys_of(code, call)
        if keys[0] not in catalogue("en"):
            wrong.append(f"{place}: no text for {code}")
            continue
        given = {keyword.arg for keyword in call.keywords} - OWN
        if None not in given and given != params_of(*keys):
            wrong.append(f"{place}: {code} needs {sorted(params_of(*keys))}, gets {sorted(map(str, given))}")
    assert wrong == []


def trainer_calls() -> Iterator[tuple[str, str, ast.Call]]:
    """What the trainer raises and warns of: its codes lie under ``trainer.``."""
    trees = [(file, ast.parse(file.read_text(encoding="utf-8"))) for file in sorted(TRAINER.rglob("*.py"))]
    defined = [node for _, tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    kinds = {"TrainerError"} | {node.name for node in defined if "TrainerError" in map(ast.unparse, node.bases)}
    for file, tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name_of(node) in kinds:
                assert isinstance(node.args[0], ast.Constant), f"{file.name}:{node.lineno} raises without a code"
                yield f"{file.name}:{node.lineno}", str(node.args[0].value), node


def test_every_code_of_the_trainer_has_its_text_and_gets_exactly_its_parameters():
    found = list(trainer_calls())
    wrong = [
        f"{place}: {code}"
        for place, code, node in found
        if f"trainer.{code}" not in catalogue("en")
        or {keyword.arg for keyword in node.keywords} != params_of(f"trainer.{code}")
    ]
    assert len(found) > 20
    assert wrong == []


def test_no_text_is_left_that_nothing_asks_for():
    strings = {
        node.value
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    strings |= {f"trainer.{code}" for _, code, _ in trainer_calls()}
    asked = strings | {key for code in strings for key in (f"errors.{code}.problem", f"errors.{code}.remedy")}
    assert [key for key in catalogue("en") if not key.startswith(ASKED_ELSEWHERE) and key not in asked] == []


def test_remedies_belong_to_a_problem():
    keys = catalogue("en")
    remedies = [key for key in keys if key.startswith("errors.") and key.endswith(".remedy")]
    assert [key for key in remedies if key.removesuffix("remedy") + "problem" not in keys] == []
