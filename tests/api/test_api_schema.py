"""The application against its own OpenAPI document, with requests that a machine thinks up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from api_world import World, world
from fake_studio import make_person
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable

schemathesis = pytest.importorskip("schemathesis", minversion="4.0")

from schemathesis import GenerationMode  # noqa: E402
from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi import checks  # noqa: E402

ABOUT_FORM = ("field.", "body.", "library.bad-id")
"""Codes of refusals that the document should have foreseen; others are of what is inside a file, consent, or gone."""


def what_the_document_allows_has_the_right_form(ctx: Any, response: Any, case: Any) -> None:
    """Nothing that fits the schemas is refused for its form."""
    valid = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if valid and response.status_code in (400, 422):
        assert not response.json()["code"].startswith(ABOUT_FORM), response.text


CHECKS = [
    what_the_document_allows_has_the_right_form,
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
HEADERS = {"Host": "localhost"}
EXAMPLES = 25
ALL = list(HealthCheck)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("schema")) as made:
        make_person(made.studio.paths, "0")
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_request_breaks_it(served: World, mode: GenerationMode):
    """Every operation, with what the document allows and with what it forbids."""
    document = schemathesis.openapi.from_asgi("/v1/openapi.json", served.api, headers=HEADERS)
    operations = [result.ok() for result in document.get_all_operations()]
    assert len(operations) > 20
    for operation in operations:
        _try(operation, mode)


def _try(operation: Any, mode: GenerationMode) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=ALL)
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: Any) -> None:
        case.call_and_validate(checks=CHECKS, headers=HEADERS)

    try:
        holds()
    except Unsatisfiable:  # an operation without any input has nothing that could be forbidden
        assert mode is GenerationMode.NEGATIVE


def test_the_document_is_sound(served: World):
    document = served.get("openapi.json").json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names)) > 20
    for operation in operations:
        assert {"4XX", "5XX"} < set(operation["responses"])
    loose = [s for s in _references(document) if s.rpartition("/")[2] not in document["components"]["schemas"]]
    assert loose == []


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
