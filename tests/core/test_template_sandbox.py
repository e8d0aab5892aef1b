"""The sandbox: templates see plain data, and no template eats the machine."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import TemplateError
from pipeline.core.template import compile_template
from pipeline.core.template_values import MAX_CHARACTERS
from tests.support.media import Links


class Account:
    """An object that must never be reached."""

    api_key = "SECRET"
    secret = "SECRET"
    _key = "SECRET"

    def __init__(self) -> None:
        self.calls = 0

    def delete(self) -> str:
        self.calls += 1
        return "SECRET"

    __call__ = delete


# What the vectors say beyond a plain refusal.
RENDERED = {
    "J22": str((9**9) ** 9),  # left-associative, so small
    "J34": None,  # any JSON of it
    "J36": "{{ 7*7 }} {% user %}",
}


def attack(source: str) -> tuple[str | None, Account, dict[str, Any], float]:
    """What was rendered (None: refused), the object that was the target, the row, and the seconds it took."""
    account = Account()
    row = {"x": account, "cfg": account, "lst": [1], "d": {"b": 2}, "text": "{{ 7*7 }} {% user %}"}
    started = time.process_time()
    text: str | None = None
    with suppress(TemplateError):
        text = str(compile_template(source, path="p").render(row, Links()).messages[0]["content"])
    return text, account, row, time.process_time() - started


@pytest.fixture(scope="module")
def vectors(shared: Path) -> dict[str, str]:
    return {item["id"]: item["template"] for item in json.loads((shared / "vectors/templates.json").read_text("utf-8"))}


@pytest.mark.parametrize("number", range(1, 39))
def test_a_known_attack_is_refused_or_harmless(number: int, vectors: dict[str, str]) -> None:
    name = f"J{number}"
    text, account, row, seconds = attack(vectors[name])
    assert account.calls == 0
    assert (row["lst"], row["d"]) == ([1], {"b": 2})
    assert seconds < 2
    if name not in RENDERED:
        assert text is None
    elif name == "J34":
        assert json.loads(text or "")["a"].startswith("</script><b>")
    else:
        assert text == RENDERED[name]


MORE = [
    "{{ x() }}",
    "{{ x }}",
    "{{ [x]|map(attribute='api_key')|list }}",
    "{{ [x]|sum(attribute='api_key') }}",
    "{{ [x]|join(attribute='secret') }}",
    "{{ [x]|selectattr('secret')|list }}",
    "{{ [x]|groupby('secret') }}",
    "{{ x['api_key'] }}",
    "{{ range.__self__ }}",
    "{{ image.func }}",
    "{{ text.upper.__self__ }}",
    "{{ d.items.__self__ }}",
    "{% macro m() %}{% endmacro %}{{ m._environment }}",
    "{% for a in lst %}{{ loop._iterable }}{% endfor %}",
    "{{ text.format }}",
    "{{ 'a'.ljust(10**9) }}",
    "{{ 'a'.zfill(10**9) }}",
    "{{ 'a'|indent(10**9) }}",
    "{{ '%*d' % (10**9, 1) }}",
    "{{ '%.999999999f' % 1.0 }}",
    "{{ 10**9|round(10**9, 'floor') }}",
    "{{ 1.5|round(10**9, 'floor') }}",
    "{{ [0] * 10**9 }}",
    "{{ 10**9 * [0] }}",
    "{{ (10**1000)*(10**1000) }}",
    "{{ range(10001)|list|length }}",
    "{{ range(10**40) }}",
    "{{ range(0, -10001, -1)|list }}",
    "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
    "{% for a in range(9999) %}{{ 'a' * 1000 }}{% endfor %}",
    "{% set a = 'a' * 4000000 %}{{ a ~ a }}",
    "{% set a = 'a' * 4000000 %}{{ a + a }}",
    "{% set a = 'a' * 4000000 %}{{ range(9999)|join(a) }}",
    "{% set a = 'a' * 4000000 %}{{ a.join(['b'] * 9999) }}",
    "{% set a = 'a' * 4000000 %}{{ a.replace('a', 'b' * 1000) }}",
    "{% set a = 'a' * 4000000 %}{{ a|replace('', 'b' * 1000) }}",
    "{% set a = 'a' * 4000000 %}{% user %}{{ a }}{% enduser %}{% user %}{{ a }}{% enduser %}",
    "{{ ''|random }}",
    "{{ 'a'|pprint }}",
    "{% set d.b = 3 %}",
]


@pytest.mark.parametrize("source", MORE)
def test_another_way_to_objects_or_to_exhaustion_is_refused(source: str) -> None:
    text, account, _, seconds = attack(source)
    assert text is None
    assert account.calls == 0
    assert seconds < 2


def test_a_refusal_leaves_the_template_usable() -> None:
    template = compile_template("{% for a in range(n) %}{% for b in range(n) %}{% endfor %}{% endfor %}ok", path="p")
    for _ in range(3):
        with pytest.raises(TemplateError, match="1,000,000 steps"):
            template.render({"n": 5000}, Links())
        assert template.render({"n": 700}, Links()).messages[0]["content"] == "ok"


def test_the_largest_prompt_is_four_mebibytes_of_characters() -> None:
    template = compile_template("{{ a }}{{ b }}", path="p")
    row = {"a": "a" * (MAX_CHARACTERS - 1), "b": "b"}
    assert len(template.render(row, Links()).messages[0]["content"]) == MAX_CHARACTERS
    with pytest.raises(TemplateError, match="4,194,305 characters"):
        template.render({**row, "b": "bb"}, Links())


def test_plain_data_has_its_harmless_methods() -> None:
    source = (
        "{{ s.upper() }} {{ s.split('-')[0] }} {{ s.replace('-', '+') }} {{ ','.join(xs) }} {{ xs.index('b') }} "
        "{% for k, v in d.items() %}{{ k }}{{ v }}{{ loop.index0 }}{{ loop.last }}{% endfor %} {{ d.keys }} "
        "{{ d.get('zz', 1) }} {{ 2**10 }} {{ 7 % 4 }} {% for g in ys|groupby('k') %}{{ g.grouper }}{% endfor %}"
    )
    row = {"s": "a-b", "xs": ["a", "b"], "d": {"keys": 1}, "ys": [{"k": 2}, {"k": 2}]}
    text = compile_template(source, path="p").render(row, Links()).messages[0]["content"]
    assert text == "A-B a a+b a,b 1 keys10True 1 1 1024 3 2"
