"""Pictures and documents in a template: the blocks they become, their options, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.errors import DataError, TemplateError
from pipeline.core.template import Media, Rendered, compile_template, compile_text
from pipeline.core.template_values import MAX_CHARACTERS
from tests.support.media import Links


def render(source: str, media: Media | None = None, **row: Any) -> Rendered:
    return compile_template(source, path="p.jinja").render(row, media or Links())


def blocks(source: str, **row: Any) -> list[dict[str, Any]]:
    content = render(source, **row).messages[0]["content"]
    assert isinstance(content, list)
    return content


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


PDF = {"type": "document", "source": {"type": "url", "url": "report.pdf"}}

OPTIONS = [
    ("document(a)", {}),
    ("document(a, title='Report')", {"title": "Report"}),
    ("document(a, title=name)", {"title": "From the row"}),
    ("document(a, context='from 2024', citations=true)", {"context": "from 2024", "citations": {"enabled": True}}),
    ("document(a, citations=false)", {}),
    ("document(a, title='', context=name if none else '')", {}),
    ("document(row['a'], title=name|upper)", {"title": "FROM THE ROW"}),
]


@pytest.mark.parametrize(("call", "more"), OPTIONS)
def test_options_of_a_document_become_fields_of_its_block(call: str, more: dict[str, Any]) -> None:
    found = blocks(f"{{% user %}}{{{{ {call} }}}} Sum up.{{% enduser %}}", a="report.pdf", name="From the row", none="")
    assert found == [{**PDF, **more}, text("Sum up.")]


def test_a_document_asks_the_reader_for_a_document_and_a_picture_for_a_picture() -> None:
    class Named:
        def image_source(self, value: Any) -> dict[str, Any]:
            return {"type": "base64", "data": f"image {value}"}

        def document_source(self, value: Any) -> dict[str, Any]:
            return {"type": "base64", "data": f"document {value}"}

    content = render("{{ image(a) }}{{ document(a) }}Why?", Named(), a=1).messages[0]["content"]
    assert [block.get("source", {}).get("data") for block in content] == ["image 1", "document 1", None]


def test_a_text_of_the_row_is_a_document_when_it_is_said_to_be_one() -> None:
    found = blocks("{{ document(text=article, title='News', citations=true) }}{{ q }}", article=" {{ x }}\n", q="Why?")
    source = {"type": "text", "media_type": "text/plain", "data": " {{ x }}\n"}
    assert found[0] == {"type": "document", "source": source, "title": "News", "citations": {"enabled": True}}


def test_a_list_is_a_document_of_blocks() -> None:
    picture = {"type": "image", "source": {"type": "file", "file_id": "file_1", "url": None}}
    found = blocks("{{ document(parts) }}Why?", parts=["one", text("two"), picture])
    assert found[0]["source"] == {
        "type": "content",
        "content": [text("one"), text("two"), {"type": "image", "source": {"type": "file", "file_id": "file_1"}}],
    }


def test_columns_may_be_called_image_and_document() -> None:
    row = {"image": "cat.png", "document": "report.pdf"}
    source = "{{ image(image) }}{{ document(document) }}{{ image }} {{ document }}"
    template = compile_template(source, path="p")
    assert template.columns == {"image", "document"}
    content = template.render(row, Links()).messages[0]["content"]
    assert [block["type"] for block in content] == ["image", "document", "text"]
    assert content[0]["source"]["url"] == "cat.png"
    assert content[2]["text"] == "cat.png report.pdf"


def test_a_loop_may_call_its_variable_image() -> None:
    found = blocks("{% for image in images %}{{ image(image) }}{% endfor %}Which?", images=["a.png", "b.png"])
    assert [block["source"]["url"] for block in found[:2]] == ["a.png", "b.png"]


def test_a_document_may_depend_on_the_row_and_carry_a_breakpoint() -> None:
    source = "{% user %}{% if a %}{{ document(a) }}{% cache %}{% endif %}Why?{% enduser %}"
    assert blocks(source, a="report.pdf") == [{**PDF, "cache_control": {"type": "ephemeral"}}, text("Why?")]
    assert render(source, a="").messages[0]["content"] == "Why?"


def test_a_block_that_is_sent_twice_has_a_breakpoint_only_where_it_is_marked() -> None:
    source = "{% set page = document(a) %}{% user %}{{ page }}{% cache %}Again:{{ page }}{% enduser %}"
    marked = {**PDF, "cache_control": {"type": "ephemeral"}}
    assert blocks(source, a="report.pdf") == [marked, text("Again:"), PDF]


COMPILE = [
    ("\n{{ document(a, titel='x') }}", "takes one value and the options citations, context, text, title, not 'titel'"),
    ("\n{{ image(a, title='x') }}", "image(...) takes one value and no options, not 'title'"),
    ("\n{{ image(a, b) }}", "image(...) takes one value, as {{ image(column) }}"),
    ("\n{{ image() }}", "image(...) takes one value"),
    ("\n{{ document(*a) }}", "document(...) takes one value"),
    ("\n{{ document(a, **b) }}", "document(...) takes one value"),
    ("\n{{ document(a, text=b) }}", "document(...) takes one value"),
    ("\n{{ document(title='x') }}", "document(...) takes one value"),
    ("\n{% macro image(x) %}{% endmacro %}", "has its meaning already"),
    ("{% user %}a{% enduser %}\n{{ document(a) }}", "a value stands outside the role tags"),
]


@pytest.mark.parametrize(("source", "said"), COMPILE)
def test_a_call_of_the_wrong_form_is_found_when_the_template_is_compiled(source: str, said: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template(source, path="p.jinja")
    assert said in str(caught.value)
    assert caught.value.line == 2


ROW: dict[str, Any] = {"a": "report.pdf", "null": None, "seven": 7, "empty": "", "parts": [], "when": {"type": "x"}}

RENDER = [
    ("{{ document(null) }}", "column 'null' in document(...) is null"),
    ("{{ image(null) }}", "column 'null' in image(...) is null"),
    ("{{ document(b) }}", "'b' is not a column"),
    ("{{ document(a, title=null) }}", "the title in document(...) is null"),
    ("{{ document(a, context=seven) }}", "the context in document(...) is a int, not a text"),
    ("{{ document(a, title=b) }}", "'b' is not a column"),
    ("{{ document(a, citations='yes') }}", "citations in document(...) is a str; it can be true or false"),
    ("{{ document(a, citations=b) }}", "'b' is not a column"),
    ("{{ document(text=empty) }}", "column 'empty' in document(text=...) is empty"),
    ("{{ document(text=seven) }}", "is a int, not a text"),
    ("{{ document(text=null) }}", "column 'null' in document(text=...) is null"),
    ("{{ document(parts) }}", "column 'parts' in document(...): the content is empty"),
    ("{{ document([seven]) }}", "block 1 is a int, not a block"),
    ("{{ document([when]) }}", "block 1 is a x block; here it can be text, image"),
    ("{{ document([{'type': 'image', 'source': a}]) }}", "the source of the image is a str, not an object"),
    ("{% system %}{{ document(a) }}{% endsystem %}", "only a user message has pictures and documents"),
    ("{% user %}a{% enduser %}{% assistant %}{{ document(a) }}{% endassistant %}", "stands in {% assistant %}"),
    ("{{ document(a) ~ a }}", "document(...) must stand alone, as {{ document(column) }}"),
    ("{{ document(a)|upper }}", "must stand alone"),
    ("{{ [document(a)] }}", "must stand alone"),
    ("{% set s %}{{ document(text=a) }}{% endset %}", "must stand alone"),
    ("{{ document }}", "'document' is not a column"),
    ("{{ document.func }}", "'document' is not a column"),
]


@pytest.mark.parametrize(("source", "said"), RENDER)
def test_a_value_that_is_no_document_is_named_with_the_line(source: str, said: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render("\n" + source, **ROW)
    assert said in str(caught.value)
    assert caught.value.line == 2


def test_the_users_error_in_a_document_passes_as_it_is() -> None:
    class Refusing(Links):
        def document_source(self, value: Any) -> Any:
            raise DataError("outside the media folder")

    with pytest.raises(DataError, match=r"^outside the media folder$"):
        render("{{ document(a) }}", Refusing(), a="x")


@pytest.mark.parametrize("source", ["{{ document(text=a) }}{{ b }}", "{{ document([a]) }}{{ b }}"])
def test_the_text_of_documents_counts_towards_the_largest_prompt(source: str) -> None:
    assert blocks(source, a="a" * (MAX_CHARACTERS - 1), b="b")[1] == text("b")
    with pytest.raises(TemplateError, match="4,194,305 characters"):
        render(source, a="a" * MAX_CHARACTERS, b="b")


def test_in_a_text_template_document_is_a_column_like_any_other() -> None:
    assert compile_text("{{ document }}", path="p").render({"document": "a"}) == "a"
    with pytest.raises(TemplateError, match="'document' is not a column"):
        compile_text("{{ document(a) }}", path="p").render({"a": "b"})
