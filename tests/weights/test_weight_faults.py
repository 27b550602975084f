"""What is said of a source that cannot be used, and whether it is asked again."""

from __future__ import annotations

import ssl
from email.message import Message as Headers
from urllib.error import HTTPError, URLError
from urllib.request import Request

import pytest

from easyphoto.weights.faults import fault_of
from easyphoto.weights.transfer import _NoDowngrade

HUB = "https://hub.example/a/b"


def answer(code: int, **headers: str) -> HTTPError:
    told = Headers()
    for name, value in headers.items():
        told[name.replace("_", "-")] = value
    return HTTPError(HUB, code, "", told, None)


@pytest.mark.parametrize(
    ("error", "words", "again", "wait"),
    [
        (answer(404), "hub.example answers 404", False, 0),
        (answer(503, Retry_After="7"), "answers 503", True, 7),
        (answer(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"), "answers 429", True, 0),
        (answer(302), "redirects", False, 0),
        (URLError(ssl.SSLCertVerificationError("bad")), "certificate", False, 0),
        (URLError(OSError(111, "Connection refused")), "Connection refused", True, 0),
        (TimeoutError("timed out"), "timed out", True, 0),
    ],
)
def test_faults(error: Exception, words: str, again: bool, wait: float):
    fault = fault_of(error, HUB)
    assert words in str(fault.reason) and (fault.again, fault.wait) == (again, wait)


def test_encryption_is_never_given_up_on_the_way():
    handler, headers = _NoDowngrade(), Headers()
    with pytest.raises(HTTPError) as caught:
        handler.redirect_request(Request(HUB), None, 302, "", headers, "http://hub.example/a/b")  # type: ignore[arg-type]
    assert "without encryption" in str(fault_of(caught.value, HUB).reason)
    onward = handler.redirect_request(Request(HUB), None, 302, "", headers, "https://cdn.example/x")  # type: ignore[arg-type]
    assert onward is not None and onward.full_url == "https://cdn.example/x"
