"""Role tags: `{% system %} {% user %} {% assistant %} {% messages %} {% cache %}` become marks in the root stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from pipeline.core.records import Block
from pipeline.core.template_marks import Breakpoint, Close, Mark, Open, Role, cache_control

if TYPE_CHECKING:
    from pipeline.core.template_sandbox import PromptEnvironment

ROLES = ("system", "user", "assistant")
_TTLS = ("5m", "1h")


class RoleTags(Extension):
    """Parses the tags of one template; the environment it is bound to belongs to that template alone."""

    tags = {*ROLES, "messages", "cache"}  # noqa: RUF012 - Jinja2 declares it a plain set

    @property
    def _own(self) -> PromptEnvironment:
        return cast("PromptEnvironment", self.environment)

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        """Read one tag, and an element up to its end tag."""
        tag = next(parser.stream)
        if not self._own.has_roles:
            parser.fail(f"{{% {tag.value} %}} has no meaning here: this template makes one text", tag.lineno)
        if tag.value == "cache":
            ttl = _ttl(parser) if parser.stream.current.type == "string" else None
            return self._mark(Breakpoint(cache=cache_control(ttl), line=tag.lineno), tag.lineno)
        if self._own.open_role is not None:
            parser.fail(
                f"{{% {tag.value} %}} stands inside {{% {self._own.open_role} %}}; close that one first", tag.lineno
            )
        self._own.is_structured = True
        if tag.value == "messages":
            history = nodes.EnvironmentAttribute("history", lineno=tag.lineno)
            call = nodes.Call(history, [parser.parse_expression()], [], None, None, lineno=tag.lineno)
            return nodes.Output([call], lineno=tag.lineno)
        return self._element(parser, cast(Role, tag.value), tag.lineno)

    def _element(self, parser: Parser, role: Role, line: int) -> list[nodes.Node]:
        blocks, cache = _options(parser, role)
        self._own.open_role = role
        body = parser.parse_statements((f"name:end{role}",), drop_needle=True)
        self._own.open_role = None
        start = self._mark(Open(role=role, line=line, cache=cache, blocks=blocks), line)
        return [start, *body, self._mark(Close(), parser.stream.current.lineno)]

    def _mark(self, mark: Mark, line: int) -> nodes.Output:
        name = self._own.keep("mark", mark)
        return nodes.Output([nodes.EnvironmentAttribute(name, lineno=line)], lineno=line)


def _options(parser: Parser, role: str) -> tuple[bool, Block | None]:
    blocks, cache = False, None
    while parser.stream.current.type != "block_end":
        option = parser.stream.expect("name")
        if option.value == "blocks":
            blocks = True
        elif option.value == "cache":
            ttl = _ttl(parser) if parser.stream.skip_if("assign") else None
            cache = cache_control(ttl)
        else:
            parser.fail(f'{{% {role} %}} takes cache, cache="1h" and blocks, not {option.value!r}', option.lineno)
    return blocks, cache


def _ttl(parser: Parser) -> str:
    token = parser.stream.expect("string")
    ttl = str(token.value)
    if ttl not in _TTLS:
        parser.fail(f'a cache lives "5m" or "1h", not {ttl!r}', token.lineno)
    return ttl
