"""Puts a chat-completions stream together: the completion that a whole body would have been (protocol section 10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pipeline.core.records import Response, Usage
from pipeline.providers.body import join_text, without_surrogates
from pipeline.providers.envelope import Answer, DisguisedError
from pipeline.providers.openai_response import failed_choice, read_completion
from pipeline.providers.stream_usage import CumulativeUsage
from pipeline.providers.usage import chat_usage

_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")


class ChatAssembly:
    """The chunks of one chat completion; of several choices the first is read, as in a whole body."""

    def __init__(self) -> None:
        """Expect the first chunk."""
        self._head: Mapping[str, Any] = {}
        self._bill: dict[str, Any] = {}
        self._usage = CumulativeUsage()
        self._choices: dict[int, _Choice] = {}
        self._usage_at_end = False
        self.has_token = False

    @property
    def done(self) -> bool:
        """Every choice has finished and the usage has come with the last of them or after."""
        return self._usage_at_end

    @property
    def characters(self) -> int:
        """Length of the first choice's text so far."""
        return 0 if not self._choices else self._first().characters

    def matters(self, name: str | None) -> bool:
        """Whether an event of this name can carry a part of the answer: chunks are told by their data alone."""
        return name != "ping"

    def take(self, name: str | None, event: Answer) -> DisguisedError | None:
        """Add one chunk."""
        chunk = event.body
        if name == "error":
            return DisguisedError(chunk)
        self._bill.update(event.bill)
        if chunk.get("model") and not self._head:
            self._head = {"model": chunk["model"]}
        self._usage.update(chunk.get("usage"))
        choices = chunk.get("choices")
        for position, choice in enumerate(choices if isinstance(choices, list) else ()):
            if not isinstance(choice, Mapping):
                continue
            if choice.get("finish_reason") == "error":
                return failed_choice(choice)
            self._extend(position, choice)
        if isinstance(chunk.get("usage"), Mapping) and self._finished():
            self._usage_at_end = True
        return None

    def answer(self, request_id: str | None, *, at_end_mark: bool) -> Response | None:
        """Read the completion; None before the first choice has a finish reason."""
        if not self._choices or not self._first().reason:
            return None
        flags = [] if self.done or at_end_mark else ["no_done"]
        if self._usage.rejected:
            flags.append("usage_rejected")
        choice = {"message": self._first().message(), "finish_reason": self._first().reason}
        completion = without_surrogates({**self._head, "choices": [choice], "usage": self._usage.fields})
        found = read_completion(Answer(completion, self._bill), request_id, read_usage=self._read_usage)
        return replace(found, flags=tuple(flags)) if isinstance(found, Response) else None

    def usage(self) -> Usage | None:
        """What has been reported so far."""
        return None if self._usage.fields is None else self._read_usage(self._usage.fields, self._bill)

    def _read_usage(self, raw: Any, bill: Mapping[str, Any]) -> Usage:
        return chat_usage(raw, bill, distrusted=self._usage.rejected)

    def _extend(self, position: int, choice: Mapping[str, Any]) -> None:
        index = choice.get("index")
        key = index if isinstance(index, int) else position
        if key not in self._choices:
            self._choices[key] = _Choice()
        if self._choices[key].extend(choice):
            self.has_token = True

    def _first(self) -> _Choice:
        return self._choices[min(self._choices)]

    def _finished(self) -> bool:
        return bool(self._choices) and all(choice.reason for choice in self._choices.values())


class _Choice:
    """One choice while it grows."""

    __slots__ = ("_calls", "_current", "_function", "_texts", "characters", "reason")

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._calls: list[tuple[int, _Call]] = []
        self._current: dict[int, _Call] = {}
        self._function: _Call | None = None
        self.reason: str | None = None
        self.characters = 0

    def extend(self, choice: Mapping[str, Any]) -> bool:
        """Add what a chunk says of this choice; True when it carried content."""
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            self.reason = reason
        delta = choice.get("delta") or choice.get("message")
        return isinstance(delta, Mapping) and self._add(delta)

    def message(self) -> dict[str, Any]:
        """Return the message as a whole body would have it."""
        message: dict[str, Any] = {name: join_text(parts) for name, parts in self._texts.items()}
        if self._calls:
            ordered = sorted(self._calls, key=lambda numbered: numbered[0])
            message["tool_calls"] = [call.whole() for _, call in ordered]
        if self._function is not None:
            message["function_call"] = self._function.whole()["function"]
        return message

    def _add(self, delta: Mapping[str, Any]) -> bool:
        added = False
        for name in _TEXTS:
            for text in _texts(delta.get(name)):
                self._texts.setdefault(name, []).append(text)
                added = True
                if name in ("content", "refusal"):
                    self.characters += len(text)
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, Mapping):
                self._call(call).extend(call)
                added = True
        function = delta.get("function_call")
        if isinstance(function, Mapping):
            self._function = self._function or _Call()
            self._function.extend({"function": function})
            added = True
        return added

    def _call(self, call: Mapping[str, Any]) -> _Call:
        """Find the call that a fragment continues; some servers number nothing, or every call 0."""
        latest = max(self._current, default=-1)
        begins = bool(call.get("id")) or not self._current
        index = call.get("index")
        key = index if isinstance(index, int) else latest + 1 if begins else latest
        known = self._current.get(key)
        if known is None or (call.get("id") and known.id not in (None, call["id"])):
            known = self._current[key] = _Call()
            self._calls.append((key, known))
        return known


class _Call:
    """One tool call while it grows: named once, its arguments in pieces."""

    __slots__ = ("_arguments", "_name", "_object", "id")

    def __init__(self) -> None:
        self.id: Any = None
        self._name: Any = None
        self._arguments: list[str] = []
        self._object: Any = None

    def extend(self, call: Mapping[str, Any]) -> None:
        self.id = call.get("id") or self.id
        function = call.get("function")
        if not isinstance(function, Mapping):
            return
        self._name = function.get("name") or self._name
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            self._arguments.append(arguments)
        elif arguments is not None:
            self._object = arguments

    def whole(self) -> dict[str, Any]:
        arguments = join_text(self._arguments) if self._object is None else self._object
        return {"id": self.id, "function": {"name": self._name, "arguments": arguments}}


def _texts(content: Any) -> Iterable[str]:
    if isinstance(content, str):
        return (content,) if content else ()
    if not isinstance(content, list):
        return ()
    parts = [part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
    return [part for part in parts if isinstance(part, str) and part]
