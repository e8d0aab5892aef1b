"""An error for a wrong model is told by status, shape and class."""

from __future__ import annotations

import json

import pytest

from pipeline.doctor.read_errors import read_wrong_model
from pipeline.doctor.records import Reply
from tests.support.doctor import completion, message, reply, subject


@pytest.mark.parametrize(
    ("status", "body", "found", "shape"),
    [
        (
            404,
            {"error": {"code": 404, "message": "no model x", "type": "not_found_error"}},
            "model",
            "{error: {code: 404, message, type}}",
        ),
        (
            404,
            {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}},
            "model",
            "{type, error: {type, message}}",
        ),
        (
            503,
            {"error": {"message": "m", "code": "model_not_found", "param": None}},
            "model",
            "{error: {message, code, param}}",
        ),
        (200, {"code": 40401, "msg": "no"}, "request", "{code: 40401, msg}"),
        (422, {"detail": [{"loc": ["body"], "msg": "bad"}]}, "request", "{detail}"),
        (500, [], "overload", "[…]"),
        (500, "boom", "overload", "text"),
        (404, b"", "endpoint", "an empty body"),
        (404, b"<html><title>404</title></html>", "endpoint", "an HTML page"),
        (400, b"no such model", "request", "plain text"),
    ],
)
def test_shapes_and_classes(status: int, body: object, found: str, shape: str) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    finding = read_wrong_model(subject(), reply(data, status))
    assert finding.found == f"HTTP {status}, class {found}"
    assert finding.note.startswith(f"{shape}: HTTP ")
    assert finding.differs == (found != "model")


def test_an_answer_from_a_model_that_does_not_exist_is_a_warning() -> None:
    finding = read_wrong_model(subject(), reply(message(model="claude-fallback")))
    assert (finding.found, finding.differs) == ("answered all the same", True)
    assert finding.note == "by claude-fallback; a mistyped id would not be noticed"
    unnamed = read_wrong_model(subject(protocol="openai-chat"), reply(completion(model=None)))
    assert unnamed.note.startswith("by a model that is not named")


def test_no_reply_says_nothing() -> None:
    finding = read_wrong_model(subject(), Reply(broken="the server went silent"))
    assert (finding.found, finding.note) == ("unclear", "the server went silent")
