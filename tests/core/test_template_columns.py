"""The columns a template needs, against Jinja2's own analysis."""

from __future__ import annotations

import pytest
from jinja2 import Environment, meta

from pipeline.core.errors import TemplateError
from pipeline.core.template import compile_template, compile_text

PLAIN = [
    "{{ a }} {{ b|upper }} {{ c.d[e] }}",
    "{% for a in b %}{{ a }}{{ c }}{% endfor %}{{ loop }}",
    "{% for q in qs %}{{ q }}{% endfor %}{{ q }}",
    "{% set x = y %}{{ x }}",
    "{% macro m(p, r=s) %}{{ p }}{{ t }}{{ r }}{% endmacro %}{{ m(u) }}",
    "{% if a %}{{ b }}{% elif c %}{{ d }}{% else %}{{ e }}{% endif %}",
    "{{ a if b else c }}{{ [d, {'k': e}] }}{{ f ~ g }}{{ h[i:j] }}",
    "{% with v=w %}{{ v }}{{ z }}{% endwith %}{% filter replace(o, n) %}x{% endfilter %}",
    "{% for i in range(n) %}{{ i }}{% endfor %}",
    "{% for a in b if a > c %}{{ a }}{% else %}{{ d }}{% endfor %}",
]


@pytest.mark.parametrize("source", PLAIN)
def test_names_are_those_that_jinja_finds(source: str) -> None:
    oracle = meta.find_undeclared_variables(Environment().parse(source))
    assert compile_template(source, path="p").columns == oracle


OURS = [
    ("{{ row['odd name'] }}{{ row.plain }}{{ row[\"q\"].deep }}", {"odd name", "plain", "q"}),
    ("{{ row|tojson }}{{ row.items()|list }}{{ row.get('x') }}{{ row[key] }}", {"key"}),
    ("{{ image(photo) }}{{ image(row['b']) }}", {"photo", "b"}),
    ("{% for row in rows %}{{ row['inner'] }}{% endfor %}", {"rows"}),
    ("{{ a|default('x') }}{{ b }}{% if c is defined %}{{ c }}{% endif %}{{ row['d'] | d('') }}", {"b"}),
    ("{% if a %}{% set t = 1 %}{% endif %}{{ t }}", {"a"}),
    ("{% messages history %}{% user cache %}{{ q }}{% cache %}{% enduser %}", {"history", "q"}),
    ("{% user %}no names{% enduser %}", set()),
]


@pytest.mark.parametrize(("source", "columns"), OURS)
def test_only_what_is_certainly_read_is_needed(source: str, columns: set[str]) -> None:
    assert compile_template(source, path="p").columns == columns


def test_each_column_has_the_first_line_that_asks_for_it() -> None:
    source = "{% user %}\n{{ b }}\n{{ a }} {{ b }}\n{% for c in row['d e'] %}\n{{ c }}{% endfor %}\n{% enduser %}"
    assert compile_template(source, path="p").column_lines == {"b": 2, "a": 3, "d e": 4}


@pytest.mark.parametrize(
    ("source", "column"),
    [
        ("{{ answer }}", "answer"),
        ("{{answer}}", "answer"),
        ("{{ row }}", None),
        ("{{ true }}", None),
        ("{{ answer | trim }}", None),
        ("{{ answer }}.", None),
        ("{{ answer.text }}", None),
    ],
)
def test_a_template_that_prints_one_column_says_which(source: str, column: str | None) -> None:
    assert compile_text(source, path="t").only_column == column


@pytest.mark.parametrize(("value", "text"), [(" as it is\n", " as it is\n"), (18, "18"), (["a"], "['a']"), ("", "")])
def test_a_template_that_prints_one_column_prints_it_like_any_other(value: object, text: str) -> None:
    row = {"answer": value}
    assert compile_text("{{ answer }}", path="t").render(row) == text
    assert compile_text("{{ answer }}{{ '' }}", path="t").render(row) == text


@pytest.mark.parametrize("row", [{"answer": None}, {}])
def test_a_null_or_missing_column_is_an_error_there_too(row: dict[str, None]) -> None:
    with pytest.raises(TemplateError):
        compile_text("{{ answer }}", path="t").render(row)
