"""Pieces of a rendered template to a conversation: system, messages, blocks, cache breakpoints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.core.records import Block, Message
from pipeline.core.template_errors import StructureError
from pipeline.core.template_history import require_tool_rounds
from pipeline.core.template_marks import Authored, Breakpoint, Close, History, Inserted, Open
from pipeline.core.template_values import require_characters

_MAX_BREAKPOINTS = 4
Content = str | list[Block]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A prompt for one row, in the shape of the Messages protocol."""

    system: str | tuple[Block, ...] | None
    messages: tuple[Message, ...]


class _Element:
    """One role's text and blocks while they arrive."""

    __slots__ = ("blocks", "cache_lines", "characters", "mark", "parts", "strips_start")

    def __init__(self, mark: Open, cache_lines: dict[int, int]) -> None:
        self.mark = mark
        self.cache_lines = cache_lines
        self.blocks: list[Block] = []
        self.parts: list[str] = []
        self.characters = 0
        # A prefill's leading white space is meant: the answer continues it.
        self.strips_start = mark.role != "assistant"

    def add_inserted(self, piece: Inserted) -> None:
        if self.mark.role != "user":
            raise StructureError(
                f"{piece.name}(...) stands in {{% {self.mark.role} %}}; only a user message has pictures and documents"
            )
        self._flush(strips_end=True)
        self.blocks.append(dict(piece.block))  # `{% set p = image(a) %}` may send it twice, once with a breakpoint
        self.characters += _characters_of(piece.block["source"])
        require_characters(self.characters)
        self.strips_start = True

    def add_breakpoint(self, here: Breakpoint) -> None:
        if not self.blocks and all(type(part) is Authored and not part.strip() for part in self.parts):
            raise StructureError(f"{{% cache %}} has nothing before it in {{% {self.mark.role} %}}")
        self._flush(strips_end=False)
        if self.blocks:
            self._mark_last(here.cache, here.line)
        self.strips_start = False

    def content(self) -> Content | None:
        """What was gathered; None when there is nothing but white space."""
        if not self.blocks and not self.mark.blocks and self.mark.cache is None:
            text = self._text(strips_end=True)
            return text if text and not text.isspace() else None
        self._flush(strips_end=True)
        if self.blocks and self.mark.cache is not None:
            self._mark_last(self.mark.cache, self.mark.line)
        return self.blocks or None

    def _mark_last(self, cache: Block, line: int) -> None:
        block = self.blocks[-1]
        block["cache_control"] = dict(cache)
        self.cache_lines[id(block)] = line

    def _flush(self, *, strips_end: bool) -> None:
        text = self._text(strips_end=strips_end)
        if text and not text.isspace():
            self.blocks.append({"type": "text", "text": text})
        self.parts = []

    def _text(self, *, strips_end: bool) -> str:
        size = sum(map(len, self.parts))
        self.characters += size
        require_characters(size)
        if self.strips_start:
            _strip_start(self.parts)
        if strips_end:
            _strip_end(self.parts)
        return "".join(self.parts)


def _strip_start(parts: list[str]) -> None:
    """Take the template's own white space off the front, up to the first character of the row's."""
    while parts and (type(parts[0]) is Authored or not parts[0]):
        parts[0] = Authored(parts[0].lstrip())
        if parts[0]:
            return
        del parts[0]


def _strip_end(parts: list[str]) -> None:
    while parts and (type(parts[-1]) is Authored or not parts[-1]):
        parts[-1] = parts[-1].rstrip()
        if parts[-1]:
            return
        del parts[-1]


class _Conversation:
    """System and messages while they arrive."""

    def __init__(self) -> None:
        self.system: list[Content] = []
        self.messages: list[Message] = []
        self.characters = 0
        self.cache_lines: dict[int, int] = {}
        """Where each block's breakpoint stands in the template, by the block's identity."""
        self._prefill: _Element | None = None
        self._history_line: int | None = None

    def close(self, element: _Element) -> None:
        content = element.content()
        self.characters += element.characters
        require_characters(self.characters)
        if element.mark.role == "system":
            self._add_system(content, element.mark.line)
            return
        if content is None and element.mark.role == "user":
            raise StructureError("the user message is empty in this row", element.mark.line)
        self._add_message({"role": element.mark.role, "content": content})
        self._prefill = element if element.mark.role == "assistant" else None

    def insert(self, history: History) -> None:
        turns = list(history.messages)
        self._history_line = history.line
        # The protocol has no system turn at the start of the messages; that is what `system` is for.
        while turns and not self.messages and turns[0]["role"] == "system":
            self._add_system(turns.pop(0)["content"], None)
        for turn in turns:
            self._add_message(turn)
            self._prefill = None

    def finish(self) -> Rendered:
        if self._prefill is not None:
            self._finish_prefill()
        if not self.messages:
            raise StructureError("the template makes no message; put one into {% user %}...{% enduser %}")
        system = self._joined_system()
        if self._history_line is not None:
            self._require_tool_rounds(self._history_line)
        _require_breakpoints(system, self.messages, self.cache_lines, self._history_line)
        return Rendered(system=system, messages=tuple(self.messages))

    def _add_system(self, content: Content | None, line: int | None) -> None:
        if self.messages:
            raise StructureError(
                "{% system %} stands after a message; put it first (a system turn in the middle of a conversation "
                "goes through {% messages %})",
                line,
            )
        if content is not None:
            self.system.append(content)

    def _add_message(self, message: Message) -> None:
        if self.messages and self.messages[-1]["content"] is None:
            line = self._prefill.mark.line if self._prefill else None
            raise StructureError("the assistant message is empty in this row, and more messages follow it", line)
        self.messages.append(message)

    def _require_tool_rounds(self, line: int) -> None:
        try:
            require_tool_rounds(self.messages)
        except StructureError as error:
            raise StructureError(str(error), line) from None

    def _finish_prefill(self) -> None:
        """Providers refuse a prefill that ends in white space; an empty one is no prefill."""
        content = self.messages[-1]["content"]
        if content is None:
            self.messages.pop()
        elif isinstance(content, str):
            self.messages[-1]["content"] = content.rstrip()
        else:
            content[-1]["text"] = content[-1]["text"].rstrip()

    def _joined_system(self) -> str | tuple[Block, ...] | None:
        if not self.system:
            return None
        if len(self.system) == 1 and isinstance(self.system[0], str):
            return self.system[0]
        blocks: list[Block] = []
        for content in self.system:
            blocks += [{"type": "text", "text": content}] if isinstance(content, str) else content
        return tuple(blocks)


def _characters_of(source: Block) -> int:
    """The text that a block's source puts into the prompt."""
    if source.get("type") == "text":
        return len(source["data"])
    if source.get("type") == "content":
        return sum(len(block.get("text", "")) for block in source["content"])
    return 0


def _require_breakpoints(
    system: str | tuple[Block, ...] | None,
    messages: list[Message],
    cache_lines: dict[int, int],
    history_line: int | None,
) -> None:
    contents: list[Any] = [system, *[message["content"] for message in messages]]
    marked = [
        block
        for content in contents
        if not isinstance(content, str)
        for block in content or ()
        if "cache_control" in block
    ]
    if len(marked) > _MAX_BREAKPOINTS:
        raise StructureError(f"{len(marked)} cache breakpoints; a request may have {_MAX_BREAKPOINTS}")
    is_short = False
    for block in marked:
        is_long = block["cache_control"].get("ttl") == "1h"
        if is_long and is_short:
            raise StructureError(
                "a one-hour cache breakpoint stands after a five-minute one; "
                "in a request (tools, system, messages) those of one hour come first",
                cache_lines.get(id(block), history_line),
            )
        is_short = is_short or not is_long


def assemble(pieces: Iterable[Any], implied: Open | None) -> Rendered:
    """Build the conversation; with `implied`, all pieces stand in that one element.

    Raises StructureError where the pieces make no valid conversation.
    """
    conversation = _Conversation()
    element = None if implied is None else _Element(implied, conversation.cache_lines)
    for piece in pieces:
        if isinstance(piece, str):
            if element is not None:
                element.parts.append(piece)
            elif piece and not piece.isspace():
                raise StructureError("text outside the role tags; put it inside {% user %}...{% enduser %}")
        elif isinstance(piece, Open):
            element = _Element(piece, conversation.cache_lines)
        elif isinstance(piece, History):
            conversation.insert(piece)
        elif element is None:
            raise StructureError("{% cache %}, image(...) and document(...) stand inside a role tag")
        elif isinstance(piece, Close):
            conversation.close(element)
            element = None
        elif isinstance(piece, Inserted):
            element.add_inserted(piece)
        else:
            element.add_breakpoint(piece)
    if element is not None:
        conversation.close(element)
    return conversation.finish()
