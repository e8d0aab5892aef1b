"""Prompt templates: Jinja2 with role tags, compiled once and rendered for each row.

A template is sandboxed Jinja2 (no other files, bounded loops and texts, no randomness) in which block tags on lines
of their own leave no line behind, and the file's last newline is not sent. White space that the template itself has
at the edges of an element or next to a picture or document is not sent either, except before a prefill's first word;
white space of the row is, except after the last word of a prefill. A system text that comes out empty is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from types import GeneratorType, MappingProxyType
from typing import Any

import jinja2

from pipeline.core.errors import EvalmillError, TemplateError
from pipeline.core.template_conversation import Rendered, assemble
from pipeline.core.template_errors import explain
from pipeline.core.template_marks import Open
from pipeline.core.template_media import Media
from pipeline.core.template_sandbox import PromptEnvironment
from pipeline.core.template_values import MAX_CHARACTERS, require_characters

__all__ = ["Media", "Rendered", "Template", "TextTemplate", "compile_template", "compile_text"]

Row = Mapping[str, Any]
_ONE_COLUMN = re.compile(r"\{\{ *([A-Za-z_][A-Za-z0-9_]*) *\}\}")


class _Compiled:
    """What both kinds of template share: the compiled code, the columns it needs, errors with their line."""

    def __init__(self, source: str, path: str, *, has_roles: bool) -> None:
        self.path = path
        self.source = source
        self._environment = PromptEnvironment(has_roles=has_roles)
        self._template = _compile(self._environment, source, path)
        lines = self._environment.needed_columns()
        self.column_lines: Mapping[str, int] = MappingProxyType(lines)
        """The columns that every rendering may need, each with the first line that asks for it."""
        self.columns: frozenset[str] = frozenset(lines)

    def _pieces(self, row: Row, media: Media | None) -> Iterator[Any]:
        self._environment.begin(media)
        variables = {**self._environment.globals, **row, "row": row}
        return self._template.root_render_func(self._template.new_context(variables, shared=True))

    def _located(self, error: Exception, pieces: Iterator[Any], row: Row) -> TemplateError:
        line = getattr(error, "line", None) or self._line(error, pieces)
        return TemplateError(explain(error, row), path=self.path, line=line)

    def _line(self, error: Exception, pieces: Iterator[Any]) -> int | None:
        """The template's line: innermost frame of its code in the traceback, else where it stopped yielding."""
        namespace = self._template.root_render_func.__globals__
        found, traceback = None, error.__traceback__
        while traceback is not None:
            if traceback.tb_frame.f_globals is namespace:
                found = traceback.tb_lineno
            traceback = traceback.tb_next
        if found is None and isinstance(pieces, GeneratorType) and pieces.gi_frame is not None:
            found = pieces.gi_frame.f_lineno
        return None if found is None else self._template.get_corresponding_lineno(found)


class Template(_Compiled):
    """A compiled prompt template; pickled as its source. One rendering at a time."""

    def __init__(self, source: str, *, path: str) -> None:
        """Raises TemplateError with path and line."""
        super().__init__(source, path, has_roles=True)
        self._implied = None if self._environment.is_structured else Open(role="user", line=1)

    def render(self, row: Row, media: Media) -> Rendered:
        """Make the prompt for `row`; `media` supplies the pictures and documents that the template asks for.

        Raises TemplateError with path and line; errors of `media` that are the user's pass as they are.
        """
        pieces = self._pieces(row, media)
        try:
            return assemble(pieces, self._implied)
        except EvalmillError:
            raise
        except Exception as error:
            raise self._located(error, pieces, row) from error

    def __reduce__(self) -> tuple[Any, ...]:
        """Compiled code does not travel; the source does."""
        return partial(Template, path=self.path), (self.source,)


class TextTemplate(_Compiled):
    """A compiled template that makes one text: a reference, a recorded answer. Pickled as its source."""

    def __init__(self, source: str, *, path: str) -> None:
        """Raises TemplateError with path and line."""
        super().__init__(source, path, has_roles=False)
        named = _ONE_COLUMN.fullmatch(source)
        self.only_column: str | None = named[1] if named and named[1] in self.columns else None
        """The column that the template prints and nothing else; then a text is taken as it stands."""

    def render(self, row: Row) -> str:
        """Make the text for `row`, with its white space as it comes; raises TemplateError with path and line."""
        if self.only_column is not None:
            value = row.get(self.only_column)
            if type(value) is str and len(value) <= MAX_CHARACTERS:
                return value
        pieces = self._pieces(row, None)
        try:
            parts = list(pieces)
            require_characters(sum(map(len, parts)))
            return "".join(parts)
        except Exception as error:
            raise self._located(error, pieces, row) from error

    def __reduce__(self) -> tuple[Any, ...]:
        """Compiled code does not travel; the source does."""
        return partial(TextTemplate, path=self.path), (self.source,)


def compile_template(source: str, *, path: str) -> Template:
    """Compile a prompt template; raises TemplateError with path and line.

    Role tags are `{% system %}`, `{% user %}` and `{% assistant %}` with their end tags, each with `cache`,
    `cache="1h"` or `blocks`; `{% messages column %}` inserts a history, `{% cache %}` a breakpoint,
    `{{ image(column) }}` a picture, `{{ document(column) }}` a document. Without role tags the whole text is one user
    message.
    """
    return Template(source, path=path)


def compile_text(source: str, *, path: str) -> TextTemplate:
    """Compile a template without roles; raises TemplateError with path and line."""
    return TextTemplate(source, path=path)


def _compile(environment: PromptEnvironment, source: str, path: str) -> jinja2.Template:
    try:
        code = environment.compile(source.removeprefix("\ufeff"), filename=path)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(error.message or "a mistake", path=path, line=error.lineno) from None
    except (RecursionError, MemoryError, SyntaxError) as error:
        raise TemplateError("the template is nested too deeply", path=path) from error
    return jinja2.Template.from_code(environment, code, environment.globals)
