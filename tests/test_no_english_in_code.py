"""Sentences for users lie in the catalogue: no interface has one in its code or in its templates."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import easyphoto

ROOT = Path(easyphoto.__file__).parent
INTERFACES = ("api", "cli", "comfyui", "demo", "ui", "webui")
WORDS = re.compile(r"[A-Za-z][a-z']+(?:[ ,:;]+[a-z'][A-Za-z']+){2,}")
"""Three words in a row, the later ones in lower case."""

LOGS = {"debug", "info", "warning", "error", "exception", "critical"}
PROGRAMMING_ERRORS = {"TypeError", "ValueError", "RuntimeError", "AssertionError", "KeyError", "NotImplementedError"}
NOT_FOR_READING = {"Field", "documented", "APIRouter", "compile", "execute"}  # the schema of the API, patterns, SQL
SCHEMA = "the API's schema, which is English for programmers"
PROMPT = "a prompt: what the model reads is English in every language"
ALLOWED = {
    "Refused; the body says why and what to do.": SCHEMA,
    "Our own fault; 501 not installed; 503 no memory, file in use; 507 no room or right to write.": SCHEMA,
    "Base64 of the file, with or without a data URL's head.": SCHEMA,
    "studio portrait photo, softbox light, plain background, fine detail": PROMPT,
    "portrait photo outdoors, soft daylight, natural colors": PROMPT,
    "portrait on film, gentle grain, warm tones": PROMPT,
    "low quality, blurry, watermark, text": PROMPT,
    "low quality, oversharpened, watermark, text": PROMPT,
    "socket.accept() out of system resource": "asyncio's own words, which are recognized",
    "File not allowed": "gradio's own words, so that the answer is the same as the host's",
}
"""Sentence -> why it stays in the code."""


def name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def passed_over(tree: ast.Module) -> set[int]:
    """Ids of nodes whose strings nobody reads on a page or a console."""
    found: set[int] = set()
    for node in ast.walk(tree):
        quiet = (
            (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))  # docstrings, of fields too
            or (isinstance(node, ast.Call) and name_of(node) in LOGS | PROGRAMMING_ERRORS | NOT_FOR_READING)
        )
        if quiet:
            found |= {id(inner) for inner in ast.walk(node)}
    return found


def sentences(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of every literal that reads like a sentence."""
    over = passed_over(tree)
    for node in ast.walk(tree):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in over
        if literal and WORDS.search(node.value):
            yield node.lineno, node.value


@pytest.mark.parametrize(
    "code",
    [
        'x = "The file is not there."',
        'print(f"Saved {n} files of this person")',
        'add("--yes", help="delete it for good")',
    ],
)
def test_a_sentence_is_seen(code: str):
    assert list(sentences(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    ['"""A docstring of some words."""', 'log.debug("this is for us")', 'raise ValueError("never comes to this")',
     'x = "cli.help.train"', 'y = "ep-card ep-wide"', 'z = "A4 B5 C6"'],
)  # fmt: skip
def test_what_no_user_reads_is_passed_over(code: str):
    assert list(sentences(ast.parse(code))) == []


def test_no_interface_has_a_sentence_of_its_own():
    files = [file for package in INTERFACES for file in sorted((ROOT / package).rglob("*.py"))]
    files += [ROOT / "diagnostics.py", ROOT / "deletion.py", ROOT / "studio.py", ROOT / "quick.py"]
    found = [
        f"{file.relative_to(ROOT)}:{line}: {said}"
        for file in files
        for line, said in sentences(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert [one for one in found if one.split(": ", 1)[1] not in ALLOWED] == []
    assert [said for said in ALLOWED if not any(one.endswith(f": {said}") for one in found)] == []


def test_no_template_has_a_sentence_of_its_own():
    found = []
    for file in sorted((ROOT / "ui" / "templates").glob("*.html")):
        bare = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}|<style.*?</style>", "|", file.read_text(encoding="utf-8"), flags=re.S)
        shown = re.findall(r'(?:alt|title|aria-label|placeholder)="([^"|]*)"', bare) + re.split(r"<[^>]*>", bare)
        bare_words = [re.sub(r"""data-ep-[a-z-]+=["'].*?["']|EasyPhoto""", "", text) for text in shown]
        found += [f"{file.name}: {text.strip()}" for text in bare_words if re.search(r"[A-Za-z]{3,}", text)]
    assert found == []
