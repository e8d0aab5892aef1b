"""Reads the examples out of a provider's document, and takes request bodies apart into neutral requests."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.records import Failure, Request, Response
from pipeline.core.settings import ProviderSettings
from pipeline.providers.catalog import load_catalog
from pipeline.providers.formats import wire_format

_CALL = re.compile(r"client\.messages\.(?:create|stream)\(")
_JSON = json.JSONDecoder()


@dataclass(frozen=True)
class Curl:
    url: str
    headers: dict[str, str]
    body: dict[str, Any]


def neutral(body: Mapping[str, Any]) -> Request:
    """Take a Messages body apart; what is not model, system or messages is a parameter."""
    system = body.get("system")
    return Request(
        messages=tuple(body["messages"]),
        system=tuple(system) if isinstance(system, list) else system,
        params={name: value for name, value in body.items() if name not in ("model", "messages", "system")},
    )


def encode(provider: ProviderSettings, request: Request, model: str) -> dict[str, Any]:
    return json.loads(wire_format(provider.protocol).encode(request, model, provider))


def decode(
    protocol: str, body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response | Failure:
    decoder = wire_format(protocol).decoder(status, headers or {})
    decoder.feed(body)
    return decoder.finish()


def provider(name: str) -> ProviderSettings:
    return load_catalog()[name]


def json_values(text: str) -> Iterator[Any]:
    """Every JSON object or list that stands in `text`, outermost only."""
    place = 0
    while match := re.compile(r"[\[{]").search(text, place):
        try:
            value, place = _JSON.raw_decode(text, match.start())
        except ValueError:
            place = match.start() + 1
            continue
        yield value


def curls(text: str) -> list[Curl]:
    found = []
    for match in re.finditer(r"curl (\S+)(.*?)-d '(.*?)'\s*$", text, re.DOTALL | re.MULTILINE):
        pairs = re.findall(r'-H "([^:"]+): ([^"]*)"', match.group(2))
        found.append(Curl(match.group(1), {name.lower(): value for name, value in pairs}, json.loads(match.group(3))))
    return found


def sdk_calls(text: str) -> Iterator[dict[str, Any]]:
    """The keyword arguments of every SDK call in `text`; variables are those assigned last before it."""
    for match in _CALL.finditer(text):
        source = "call(" + _until_closed(text, match.end())
        call = ast.parse(source, mode="eval").body
        assert isinstance(call, ast.Call)
        names = {"image_data": "/9j/4AAQ", "messages": None, "tools": None}
        for name in ("messages", "tools"):
            assigned = list(re.finditer(rf"^{name} = (\[.*?^\])", text[: match.start()], re.DOTALL | re.MULTILINE))
            names[name] = ast.literal_eval(assigned[-1].group(1)) if assigned else None
        if call.args:  # JavaScript: one object, whose keys read as names
            (options,) = call.args
            assert isinstance(options, ast.Dict)
            pairs = zip(options.keys, options.values, strict=True)
            yield {key.id: _value(value, {"role": "role", "content": "content"}) for key, value in pairs if key}
        else:
            yield {word.arg: _value(word.value, names) for word in call.keywords if word.arg}


def _value(node: ast.AST, names: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return names[node.id]
    if isinstance(node, ast.Dict):
        return {_value(k, names): _value(v, names) for k, v in zip(node.keys, node.values, strict=True) if k}
    if isinstance(node, ast.List):
        return [_value(item, names) for item in node.elts]
    return ast.literal_eval(node)


def _until_closed(text: str, start: int) -> str:
    depth = 1
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return text[start : place + 1]
    raise ValueError("a call is not closed")
