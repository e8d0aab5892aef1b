"""Fingerprints: change with everything that can change the answer, and with nothing else."""

from __future__ import annotations

from decimal import Decimal
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.fingerprint import canonical_json, digest, job_id, request_fingerprint
from pipeline.core.records import Request
from pipeline.core.template import compile_template

IDENTITY = {"protocol": "anthropic-messages", "base_url": "http://127.0.0.1:9000", "model": "m-1"}
JOB: dict[str, Any] = {"row_id": "7", "prompt": "steps", "model": "sonnet", "params": "{}", "repeat": 0}

TEXT = st.text('ab한\u0301\\" ', max_size=3)
SCALAR = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, width=16) | TEXT
JSON = SCALAR | st.lists(SCALAR, max_size=3) | st.dictionaries(TEXT, SCALAR, max_size=3)


def request(template: str = "Q: {{ q }}", q: str = "why", **params: Any) -> Request:
    rendered = compile_template(template, path="p").render({"q": q}, dict)
    return Request(messages=rendered.messages, system=rendered.system, params=params)


BASE = request(max_tokens=10, temperature=0.0)
OTHERS = {
    "template text": request("Q {{ q }}", max_tokens=10, temperature=0.0),
    "role": request("{% assistant %}Q: {{ q }}{% endassistant %}", max_tokens=10, temperature=0.0),
    "system": request("{% system %}x{% endsystem %}{% user %}Q: {{ q }}{% enduser %}", max_tokens=10, temperature=0.0),
    "row": request(q="how", max_tokens=10, temperature=0.0),
    "a parameter": request(max_tokens=11, temperature=0.0),
    "another parameter": request(max_tokens=10, temperature=0.0, top_k=3),
    "a parameter's type": request(max_tokens=10, temperature="0.0"),
    "block form": request("{% user blocks %}Q: {{ q }}{% enduser %}", max_tokens=10, temperature=0.0),
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_request_has_another_fingerprint(what: str) -> None:
    assert request_fingerprint(OTHERS[what], IDENTITY) != request_fingerprint(BASE, IDENTITY)


@pytest.mark.parametrize("key", IDENTITY)
def test_another_answerer_has_another_fingerprint(key: str) -> None:
    assert request_fingerprint(BASE, {**IDENTITY, key: "other"}) != request_fingerprint(BASE, IDENTITY)


@pytest.mark.parametrize(("key", "value"), [*((key, "other") for key in JOB if key != "repeat"), ("repeat", 1)])
def test_a_job_id_changes_with_each_part(key: str, value: Any) -> None:
    assert job_id("f", **{**JOB, key: value}) != job_id("f", **JOB)
    assert job_id("g", **JOB) != job_id("f", **JOB)


def test_a_digest_is_the_blake2b_of_the_canonical_bytes() -> None:
    # Results on disk are found again by these values, so they must never drift.
    canonical = '{"a":[null,true,"한"],"b":1}'.encode()
    assert digest({"b": 1, "a": [None, True, "한"]}) == blake2b(canonical, digest_size=16).hexdigest()
    assert canonical_json({"b": Decimal("1.10"), "a": b"\x01"}) == b'{"a":"01","b":"1.10"}'


def shuffled(value: Any, order: Any) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        order.shuffle(keys)
        return {key: shuffled(value[key], order) for key in keys}
    if isinstance(value, list):
        return [shuffled(item, order) for item in value]
    return value


@settings(max_examples=300)
@given(st.dictionaries(TEXT, JSON, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(params: dict[str, Any], order: Any) -> None:
    one, other = (Request(messages=BASE.messages, params=keys) for keys in (params, shuffled(params, order)))
    assert request_fingerprint(one, IDENTITY) == request_fingerprint(other, shuffled(IDENTITY, order))


@settings(max_examples=300)
@given(JSON, JSON)
def test_different_values_have_different_digests(first: Any, second: Any) -> None:
    assert (digest(first) == digest(second)) == (canonical_json(first) == canonical_json(second))


def test_the_order_of_messages_matters() -> None:
    turns = tuple({"role": role, "content": "x"} for role in ("user", "assistant"))
    first, second = Request(messages=turns), Request(messages=turns[::-1])
    assert request_fingerprint(first, IDENTITY) != request_fingerprint(second, IDENTITY)


def test_an_object_without_a_plain_form_is_refused() -> None:
    with pytest.raises(TypeError) as caught:
        digest({"a": object()})
    assert "cannot fingerprint a object" in str(caught.value.__cause__)
