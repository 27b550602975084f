"""The catalogue of texts: complete, alike and well set in every language, and no text that nothing asks for."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from easyphoto.domain import LikenessLevel, options_of
from easyphoto.errors import BadPicture, TrainingFailed, messages_of
from easyphoto.jobs.requests import REQUESTS
from easyphoto.locales import LANGUAGES, PLAIN, Message, catalogue, from_json, message, plain, text
from easyphoto.stages import Stage

HAN = re.compile(r"[\u4e00-\u9fff]")
HALF_WIDTH = re.compile(r"(?<=[\u4e00-\u9fff”}）])[,;:!?()]|[,;:!?()](?=[\u4e00-\u9fff“{（])")
TRADE_WORDS = {"options.train.alpha.label", "options.train.min_snr_gamma.label"}  # Chinese users say them so, too


def params_of(sentence: str) -> set[str]:
    return {re.split(r"[.\[]", name)[0] for _, name, _, _ in Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_is_sorted_so_that_two_people_can_add_to_it(language: str):
    keys = list(catalogue(language))
    assert keys == sorted(keys)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_key_with_the_same_parameters(language: str):
    english, other = catalogue("en"), catalogue(language)
    assert set(other) == set(english)
    assert [key for key in english if params_of(english[key]) != params_of(other[key])] == []


def test_texts_are_in_the_language_they_stand_for():
    keys = {key for key, said in catalogue("en").items() if re.search(r"\w", re.sub(r"{.*?}", "", said))}
    assert [key for key in keys if HAN.search(catalogue("en")[key]) or not catalogue("en")[key].strip()] == []
    assert [key for key in keys - TRADE_WORDS if not HAN.search(catalogue("zh")[key])] == []


def test_chinese_uses_full_width_punctuation():
    assert {key: said for key, said in catalogue("zh").items() if HALF_WIDTH.search(said)} == {}


@pytest.mark.parametrize("kind", REQUESTS.values())
def test_every_option_has_its_texts(kind: type):
    for name, option in options_of(kind).items():
        assert option.key.endswith(f".{name}")
        assert option.label == text(f"{option.key}.label")


def test_there_are_no_texts_of_options_and_stages_that_are_gone():
    options = (one.key for kind in REQUESTS.values() for one in options_of(kind).values())
    known = {f"{key}.{text}" for key in options for text in ("label", "help")}
    known |= {f"stages.{stage.value.replace(' ', '-')}" for stage in Stage}
    known |= {f"likeness.{level.value}" for level in LikenessLevel}
    assert {key for key in catalogue("en") if key.startswith(("options.", "stages.", "likeness."))} == known


def test_a_message_is_said_in_both_languages_and_survives_storage():
    inner = message("page.photos.count", n=3)
    told = message("plain", text=[inner, message("page.close")])
    assert str(told) == "3 photos Close"
    assert told.text("zh") == "3 张照片关闭"
    stored = told.as_json()
    assert stored["text"] == "3 photos Close"
    assert from_json(stored).text("zh") == told.text("zh")


def test_lists_of_words_are_joined_as_the_language_does():
    assert plain("x").text("zh") == "x"
    listed = Message(PLAIN, {"text": ["a.b", "c"]})
    assert (listed.text(), listed.text("zh")) == ("a.b, c", "a.b、c")


@pytest.mark.parametrize(
    "stored",
    [
        "An old sentence.",
        {"code": "no.such.key", "params": {}, "text": "An old sentence."},
        {"code": "page.photos.count", "params": {"number": 3}, "text": "An old sentence."},
        {"text": "An old sentence."},
    ],
)
def test_what_was_stored_by_another_version_stands_as_it_is(stored: object):
    assert from_json(stored).text("zh") == "An old sentence."


def test_braces_from_outside_are_no_format():
    assert plain("{0.__class__} {x").text() == "{0.__class__} {x"
    assert from_json(plain("{x}").as_json()).text("zh") == "{x}"


def test_an_error_is_code_and_parameters_and_english_text():
    error = BadPicture("picture.empty", stage="open", file="a.jpg")
    assert str(error) == "open: The file is empty. [a.jpg] Copy it again."
    failed = TrainingFailed("training.no-checkpoint", exit_code=3, last_lines=("x",), log="train.log")
    assert (
        failed.as_json() | {"kind": "TrainingFailed", "code": "training.no-checkpoint", "exit_code": "3"}
        == failed.as_json()
    )


def test_a_failure_of_an_older_version_has_its_sentences():
    problem, remedy = messages_of({"problem": "It broke.", "remedy": "Mend it."})
    assert (problem.text("zh"), remedy.text("zh")) == ("It broke.", "Mend it.")
