"""The page says every fact, escapes what comes from outside, and needs nothing beside it."""

from __future__ import annotations

import math
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from easyphoto.demo.report import PhotoEntry, PortraitEntry, ReportFacts, Training, page
from easyphoto.domain import Box, FaceScore, LikenessLevel, PhotoReport, Pose, Verdict
from easyphoto.ui.charts import HEIGHT, WIDTH, Chart, frame_of, line_chart, smoothed, ticks
from easyphoto.ui.i18n import Translator

DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
EVIL = "<script>alert('x')</script>\"&"
VOID = {"meta", "img", "line", "circle", "polyline", "br"}


def facts(**changes: object) -> ReportFacts:
    score = FaceScore("mei", Box(0, 0, 9, 9), 0.71, 0.384, LikenessLevel.SAME_PERSON)
    report = PhotoReport("一.jpg", Verdict.DROP, ("Too blurred.",), 1, (9, 9), 312, 4.0, Pose(12, 0, 0), None, 0.61)
    plain = ReportFacts(
        person="Mei 梅",
        made="2026-01-02 03:04",
        program="EasyPhoto 0",
        same=0.6,
        photos=(
            PhotoEntry(DOT, report),
            PhotoEntry(DOT, replace(report, name="2.jpg", verdict=Verdict.KEEP, trained=True)),
        ),
        portraits=(PortraitEntry(DOT, DOT, "portraits/a.png", "a.jpg", (score,), ("no hints",)),),
        training=Training(((1, 0.5), (2, 0.25)), {50: 0.5, 100: 0.4}, {100: 0.7, 50: 0.3}, ("few photos",)),
        seconds={"photos": 2.0, "training": 118.0},
        peak_rss_mb=1234.5,
        settings={"training: rank": "16"},
    )
    return replace(plain, **changes)


def page_of(told: ReportFacts, language: str = "en") -> str:
    return page(told, Translator(language))


class Reader(HTMLParser):
    """Checks that tags close in order; collects text and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def test_where_no_lora_was_trained_the_reason_stands_in_place_of_the_curves():
    said = page_of(facts(training=Training(notes=("No LoRA was trained: it adds nothing.",))))
    assert "No LoRA was trained: it adds nothing." in said
    assert "<svg" not in said and "<svg" in page_of(facts())


def test_the_person_is_shown_before_the_portraits():
    said = page_of(facts(face=DOT + "1"))
    assert said.index(DOT + "1") < said.index("template: a stranger") < said.index("portrait: the person")


def test_says_every_fact():
    said = " ".join("".join(read(page_of(facts())).text).split())
    for fact in ("Mei 梅", "0.71", "0.38", "the same person", "portraits/a.png", "no hints", "Too blurred.", "一.jpg"):
        assert fact in said
    for fact in (
        "left out",
        "step 100: 70%",
        "few photos",
        "118.0 s",
        "At most 1234 MB",
        "2 min 0 s",
        "training: rank",
    ):
        assert fact in said


def test_needs_nothing_beside_it():
    reader = read(page_of(facts()))
    assert reader.addresses and all(address.startswith("data:") for address in reader.addresses)
    assert not {"script", "link", "iframe"} & set(reader.tags)
    assert "url(" not in page_of(facts()) and "@import" not in page_of(facts())


def test_escapes_what_comes_from_outside():
    score = FaceScore(EVIL, Box(0, 0, 9, 9), 1, 0, LikenessLevel.FAINT)
    report = PhotoReport(EVIL, Verdict.WARN, (EVIL,))
    evil = facts(
        person=EVIL,
        photos=(PhotoEntry(DOT, report),),
        portraits=(PortraitEntry(DOT, DOT, EVIL, EVIL, (score, score), (EVIL,)),),
        training=Training(warnings=(EVIL,)),
        seconds={EVIL: 1.0},
        settings={EVIL: EVIL},
        failures=(EVIL,),
    )
    reader = read(page_of(evil))
    assert "script" not in reader.tags
    assert "".join(reader.text).count(EVIL) >= 10


def test_nothing_recorded_is_said():
    said = "".join(read(page_of(facts(training=Training(), portraits=(), photos=(), seconds={}))).text)
    assert said.count("Nothing was recorded.") == 2


def test_each_trial_is_a_dot_and_the_limit_is_drawn():
    chart = line_chart(Chart("Likeness", "step", [(50, 0.5), (100, 0.4), (150, 0.45)], True, 0.6, "same"))
    assert chart.count("<circle") == 3
    assert chart.count('class="ep-limit"') == 1


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(-1e6, 1e6)), min_size=1, max_size=30))
def test_every_point_lies_within_the_frame(points):
    frame = frame_of(points, None)
    for x, y in points:
        assert 0 <= frame.x(x) <= WIDTH
        assert 0 <= frame.y(y) <= HEIGHT


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_even_and_inside(low, span):
    found = ticks(low, low + span)
    assert 1 <= len(found) <= 6
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in found)


def test_ticks_are_round():
    assert ticks(0, 200) == [0, 50, 100, 150, 200]
    assert ticks(0.43, 0.61) == pytest.approx([0.45, 0.5, 0.55, 0.6])


def test_smoothing_has_no_bias_at_the_start():
    assert [y for _, y in smoothed([(n, 3.0) for n in range(5)])] == pytest.approx([3.0] * 5)
    assert math.isclose(smoothed([(0, 0.0), (1, 1.0)])[1][1], 0.1 / 0.19)


def test_bars_share_the_longest_one():
    text = page_of(facts(seconds={"a": 10.0, "b": 5.0}))
    assert "width:100.0%" in text and "width:50.0%" in text
