"""Mistakes in templates and rows that do not fit: what is said, and on which line."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.errors import TemplateError
from pipeline.core.template import compile_template, compile_text
from tests.support.media import Links

ROW: dict[str, Any] = {
    "question": "why",
    "empty": "",
    "null": None,
    "photo": "cat.png",
    "items": [{"a": 1, "b": None}],
    "raw": b"\x89PNG",
}

COMPILE = [
    ("{% user %}a", 1, "'enduser'"),
    ("a\n{{ b", 2, "end of print statement"),
    ("\n{% usr %}", 2, "unknown tag 'usr'"),
    ("a\n\n{{ a|attr('b') }}", 3, "No filter named 'attr'"),
    ("a\n{% include 'x' %}", 2, "stands alone"),
    ("{% extends 'x' %}", 1, "stands alone"),
    ("{% from 'x' import y %}", 1, "stands alone"),
    ("{% block x %}{% endblock %}", 1, "stands alone"),
    ("{% autoescape true %}{% endautoescape %}", 1, "not HTML"),
    ("hi\n{% user %}a{% enduser %}", 1, "text outside the role tags: 'hi'"),
    ("{% user %}a{% enduser %}\n\n  bye {{ question }}", 3, "text outside the role tags: 'bye'"),
    ("{% user %}a{% enduser %}\n{{ question }}", 2, "a value stands outside the role tags"),
    ("{% if a %}\n{% user %}a{% enduser %}\n{% else %}\nplain\n{% endif %}", 4, "'plain'"),
    ("{% user %}\n{% system %}a{% endsystem %}{% enduser %}", 2, "{% system %} stands inside {% user %}"),
    ("{% user %}\n{% messages h %}{% enduser %}", 2, "{% messages %} stands inside {% user %}"),
    ("{% user loud %}a{% enduser %}", 1, "not 'loud'"),
    ('{% user cache="2h" %}a{% enduser %}', 1, "not '2h'"),
    ("{% macro m() %}\n{% user %}a{% enduser %}{% endmacro %}", 2, "cannot stand inside a macro"),
    ("{% set s %}{% user %}a{% enduser %}{% endset %}", 1, "cannot stand inside a macro"),
    ("{% filter upper %}{% user %}a{% enduser %}{% endfilter %}", 1, "cannot stand inside a macro"),
    ("{% set s %}{% messages h %}{% endset %}", 1, "cannot stand inside a macro"),
    ("{% set s %}a{% cache %}{% endset %}", 1, "cannot stand inside a macro"),
    ("{% for a in b recursive %}{% user %}a{% enduser %}{% endfor %}", 1, "recursive loop"),
]


@pytest.mark.parametrize(("source", "line", "said"), COMPILE)
def test_a_mistake_is_found_when_the_template_is_compiled(source: str, line: int, said: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template(source, path="p.jinja")
    assert str(caught.value).startswith(f"p.jinja:{line}: ")
    assert said in str(caught.value)


RENDER = [
    ("a\n{{ null }}", 2, "column 'null' is null in this row"),
    ("{{ row['null'] }}", 1, "column 'null' is null"),
    ("{{ row.null }}", 1, "column 'null' is null"),
    ("a\n\nb {{ items[0].b }}", 3, "is null"),
    ("{% for i in items %}\n{{ i.b }}{% endfor %}", 2, "is null"),
    ("{% for i in null %}{% endfor %}", 1, "column 'null' is null"),
    ("{{ 'a' ~ null }}", 1, "is null"),
    ("{{ null|upper }}", 1, "is null"),
    ("{{ null|int }}", 1, "is null"),
    ("{{ null|truncate(3) }}", 1, "is null"),
    ("{{ [question, null]|join(', ') }}", 1, "is null"),
    ("{{ 'a %s' % null }}", 1, "is null"),
    ("{{ '%s'|format(null) }}", 1, "is null"),
    ("{{ none }}", 1, "is null"),
    ("{{ image(null) }}", 1, "is null"),
    ("a\n{{ qestion }}", 2, "'qestion' is not a column of this row; did you mean 'question'?"),
    ("{{ zzz }}", 1, "there are question, empty"),
    ("{{ row['qestion'] }}", 1, "the row has no key 'qestion'; did you mean 'question'?"),
    ("{{ image(foto) }}", 1, "did you mean 'photo'"),
    ("{% for i in itms %}{% endfor %}", 1, "did you mean 'items'"),
    ("{% if qestion %}{% endif %}", 1, "did you mean 'question'"),
    ("{% messages qestion %}", 1, "did you mean 'question'"),
    ("{{ [qestion] }}", 1, "did you mean 'question'"),
    ("{{ items[0].c }}", 1, "the value has no key 'c'; there are a, b"),
    ("{{ items[3] }}", 1, "a list has no item 3"),
    ("{{ null.x }}", 1, "'x' is asked of a null"),
    ("{{ raw }}", 1, "column 'raw' holds bytes"),
    ("{{ items|map(attribute='a') }}", 1, "is a generator, which is not text"),
    ("a\n{{ 1 / 0 }}", 2, "division by zero"),
    ("{% macro m(x) %}\n{{ x + 1 }}{% endmacro %}{{ m(question) }}", 2, "TypeError"),
    ("{% user %}x{% enduser %}\n{% user %} {{ empty }} {% enduser %}", 2, "the user message is empty in this row"),
    ("{{ empty }}", 1, "the user message is empty in this row"),
    ("\n{% assistant %}{{ empty }}{% endassistant %}{% user %}a{% enduser %}", 2, "assistant message is empty"),
    ("{% user %}a{% enduser %}\n{% system %}b{% endsystem %}", 2, "stands after a message"),
    ("{% user %}\n{% cache %}a{% enduser %}", 2, "nothing before it"),
    ("\n{% system %}{{ image(photo) }}{% endsystem %}", 2, "only a user message has pictures"),
    ("{% filter upper %}a{% endfilter %}{% user %}b{% enduser %}", 1, "text outside the role tags"),
    ("{% system %}a{% endsystem %}", None, "makes no message"),
    ("{% user %}a" + "{% cache %}a" * 5 + "{% enduser %}", None, "5 cache breakpoints"),
]


@pytest.mark.parametrize(("source", "line", "said"), RENDER)
def test_a_row_that_does_not_fit_is_named_with_the_line(source: str, line: int | None, said: str) -> None:
    template = compile_template(source, path="p.jinja")
    with pytest.raises(TemplateError) as caught:
        template.render(ROW, Links())
    assert said in str(caught.value)
    assert caught.value.line == line
    assert caught.value.exit_code == 65


CAPTURED = [
    "{{ image(photo) ~ 'a' }}",
    "{{ [image(photo)] }}",
    "{{ image(photo)|upper }}",
    "{{ image(photo)|string }}",
    "{{ image(photo)|tojson }}",
    "{{ '%s' % image(photo) }}",
    "{{ [image(photo)]|join }}",
    "{% set s %}{{ image(photo) }}{% endset %}{{ s }}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(image(photo)) }}",
    "{% filter trim %}{{ image(photo) }}{% endfilter %}",
]


@pytest.mark.parametrize("source", CAPTURED)
def test_a_picture_cannot_become_part_of_a_text(source: str) -> None:
    with pytest.raises(TemplateError, match=r"image\(...\) must stand alone|has no form in JSON") as caught:
        compile_template(source, path="p").render(ROW, Links())
    assert caught.value.line == 1


def test_a_null_is_handled_where_the_template_says_so() -> None:
    source = "{{ null or 'n/a' }} {{ null|default('none', true) }} {% if null is none %}no{% endif %} {{ null|tojson }}"
    message = compile_template(source, path="p").render(ROW, Links()).messages[0]
    assert message["content"] == "n/a none no null"


def test_text_templates_refuse_roles_nulls_and_unknown_names_too() -> None:
    with pytest.raises(TemplateError, match="this template makes one text"):
        compile_text("{% user %}a{% enduser %}", path="p")
    with pytest.raises(TemplateError, match=r"^p:2: column 'null' is null"):
        compile_text("a\n{{ null }}", path="p").render(ROW)
    with pytest.raises(TemplateError, match="did you mean 'question'"):
        compile_text("{{ qestion }}", path="p").render(ROW)
