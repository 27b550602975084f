"""The style and the script: readable in light and dark, and nothing of a host's page is touched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from easyphoto.ui.tab import own_assets

ROOT = Path(__file__).resolve().parents[2]


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2)."""
    parts = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [".easyphoto {", ".dark .easyphoto {"])
def test_text_stands_out_from_its_ground_in_light_and_dark(scheme: str):
    css = (ROOT / "style.css").read_text(encoding="utf-8")
    block = css[css.index("\n" + scheme) :].split("}")[0]
    colors = dict(re.findall(r"--ep-([a-z-]+): (#[0-9a-f]{6});", block))
    pairs = [(text, ground) for text in ("text", "soft", "accent") for ground in ("card", "raise")]
    pairs += [(kind, f"{kind}-soft") for kind in ("good", "fair", "bad", "accent")]
    pairs += [("accent-text", "accent"), ("text", "bad-soft"), ("text", "fair-soft"), ("bad", "card")]
    weak = {pair: round(contrast(colors[pair[0]], colors[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


def rules(css: str) -> Iterator[tuple[str, str]]:
    """(what stands before the brace, what stands inside) of a style sheet, innermost rules only."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    before, depth, start = "", 0, 0
    for place, letter in enumerate(css):
        if letter == "{":
            if depth == 0:
                before, inside = css[start:place].strip(), place + 1
            depth += 1
        elif letter == "}":
            depth -= 1
            if depth == 0:
                start = place + 1
                content = css[inside:place]
                yield from rules(content) if before.startswith("@media") else [(before, content)]


def selectors(before: str) -> list[str]:
    """Split at the commas that stand outside of brackets."""
    depth, parts = 0, [""]
    for letter in before:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def test_the_parser_of_this_test_sees_everything():
    found = dict(rules("a, b:is(c, d) { x } @media (q) { e { y } @media z { f { w } } } @keyframes k { to { v } }"))
    assert set(found) == {"a, b:is(c, d)", "e", "f", "@keyframes k"}
    assert selectors("a, b:is(c, :not(d, e)) f") == ["a", "b:is(c, :not(d, e)) f"]


def test_the_style_touches_nothing_of_the_host_page():
    found = list(rules((ROOT / "style.css").read_text(encoding="utf-8")))
    assert len(found) > 150
    ours = re.compile(r"(\.dark )?\.easyphoto(?![\w-])|@keyframes ep-")
    assert [s for before, _ in found for s in selectors(before) if not ours.match(s)] == []
    assert [before for before, content in found if "@import" in content or "url(" in content] == []


def test_a_page_of_its_own_wears_both_styles_and_dresses_the_banner_only_there():
    look, shared = own_assets().css, (ROOT / "style.css").read_text(encoding="utf-8")
    assert shared in look
    assert "ep-banner" in look
    assert not re.search(r"(?<!:has\()\.ep-banner", shared)  # it may tell the two pages apart, but dresses nothing


def test_the_script_writes_to_no_global_but_its_own_mark():
    script = (ROOT / "javascript" / "easyphoto.js").read_text(encoding="utf-8")
    assert re.findall(r"\bwindow\.(\w+) =", script) == ["easyphotoReady"]
    assert re.fullmatch(r"/\*.*?\*/\s*\(function \(\) \{\n.*\n\}\)\(\);\s*", script, re.DOTALL)
    assert not re.search(r"\b(fetch|XMLHttpRequest|sessionStorage|eval)\b", script)
    assert set(re.findall(r"localStorage\S*", script)) == {
        'localStorage.getItem("easyphoto-browser");',
        'localStorage.setItem("easyphoto-browser",',
    }


def test_no_name_of_the_script_is_declared_twice():
    """It would not run at all; two branches may each have brought the name."""
    script = (ROOT / "javascript" / "easyphoto.js").read_text(encoding="utf-8")
    names = re.findall(r"^  (?:let|const|(?:async )?function) (\w+)", script, re.MULTILINE)
    for line in re.findall(r"^  let (.*);$", script, re.MULTILINE):
        names += re.findall(r", (\w+) = ", line)
    assert len(names) > 40
    assert {name for name in names if names.count(name) > 1} == set()
