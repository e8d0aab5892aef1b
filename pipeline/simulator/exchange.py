"""Decides the reply to each request: checks, faults, answer. Knows no sockets and does not wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import orjson

from pipeline.core.clock import Clock
from pipeline.simulator import (
    behaviour,
    catalog,
    chance,
    chat_check,
    chat_wire,
    faults,
    latency,
    messages_check,
    messages_wire,
    model_list,
    profiles,
    replies,
)
from pipeline.simulator.asking import Answer, Asked, Refused
from pipeline.simulator.catalog import ModelCard
from pipeline.simulator.fields import Invalid
from pipeline.simulator.ledger import Entry, request_key
from pipeline.simulator.options import Options
from pipeline.simulator.replies import Reply

Route = Literal["messages", "chat"]


class Exchange:
    """One provider's mind: everything that decides a reply, and the counts of what was seen before."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._profile = profiles.find(options.profile)
        self._catalog = catalog.load()
        self._sightings: Counter[str] = Counter()
        self._draws: Counter[str] = Counter()
        self._requests = 0
        self._retry_after = "0" if options.latency_scale == 0 else "1"

    def generate(self, route: Route, headers: Mapping[str, str], raw: bytes) -> Reply:
        """Reply to a request for an answer; headers by lower-case name."""
        request_id = self._request_id()
        model = key = None
        try:
            self._authenticate(headers)
            body = self._parse(raw)
            model, key = _named_model(body), request_key(body)
            asked = self._read_chat(body, key) if route == "chat" else self._read_messages(body, key, headers)
            wanted = faults.directives(asked.user_text, headers.get("x-sim"))
        except Invalid as invalid:
            reply = replies.error(_refused(invalid), self._profile, request_id)
            return replace(reply, entry=Entry(model=model, key=key, status=invalid.status))
        return self._reply(route, asked, wanted, request_id)

    def count_tokens(self, headers: Mapping[str, str], raw: bytes) -> Reply:
        """Reply to count_tokens."""
        request_id = self._request_id()
        try:
            self._authenticate(headers)
            messages_check.check_headers(headers, self._profile)
            body = messages_check.check_shape(self._parse(raw), self._profile, counting=True)
            card = self._card(body["model"])
            version = headers.get("anthropic-version")
            messages_check.check_for_model(body, card, self._profile, version=version)
        except Invalid as invalid:
            return replies.error(_refused(invalid), self._profile, request_id)
        counted = {"input_tokens": messages_wire.count_input(body, card)}
        return replies.success(counted, self._profile, request_id, envelope=False)

    def models(self, headers: Mapping[str, str], query: Mapping[str, str]) -> Reply:
        """Reply with the list of models."""
        request_id = self._request_id()
        try:
            self._authenticate(headers)
            if self._profile.anthropic_model_list:
                messages_check.check_headers(headers, self._profile)
                listed = model_list.anthropic_page(self._catalog, query)
            else:
                listed = model_list.openai_list(self._catalog)
        except Invalid as invalid:
            return replies.error(_refused(invalid), self._profile, request_id)
        return replies.success(listed, self._profile, request_id, envelope=False)

    def refuse(self, status: int, message: str) -> Reply:
        """Reply to what is no valid request at all: unknown paths, oversized bodies."""
        return replies.error(Refused(status=status, message=message), self._profile, self._request_id())

    def _reply(self, route: Route, asked: Asked, wanted: faults.Directives, request_id: str) -> Reply:
        sighting = self._sightings[asked.key]
        self._sightings[asked.key] += 1
        if wanted.times is not None and sighting >= wanted.times:
            wanted = faults.NONE
        failed = replies.forced_fault(wanted, self._profile, request_id, self._retry_after)
        if failed is None and wanted == faults.NONE:
            status = faults.drawn_status(self._options, self._profile, asked.key, sighting)
            if status is not None:
                failed = replies.fault(status, self._profile, request_id, self._retry_after)
        if failed is not None:
            wait = self._wait(asked, 0, sighting) + wanted.slow
            return replace(
                failed, wait_seconds=wait, entry=Entry(model=asked.model_id, key=asked.key, status=failed.status)
            )
        return self._answered(route, asked, wanted, request_id)

    def _answered(self, route: Route, asked: Asked, wanted: faults.Directives, request_id: str) -> Reply:
        draw = 0
        if asked.temperature > 0:
            draw = self._draws[asked.key]
            self._draws[asked.key] += 1
        said = behaviour.answer(asked, self._options.answers, wanted, seed=self._options.seed, draw=draw)
        if wanted.stop_reason is not None:
            said = replace(said, stop_reason=wanted.stop_reason)
        payload = self._payload(route, asked, said, draw)
        if wanted.no_usage:
            del payload["usage"]
        reply = replies.success(payload, self._profile, request_id)
        body = reply.body[: len(reply.body) // 2] if wanted.notjson else reply.body
        booked = Entry(
            model=asked.model_id,
            key=asked.key,
            status=200,
            billed=True,
            input_tokens=asked.input_tokens,
            output_tokens=said.output_tokens,
        )
        wait = self._wait(asked, said.output_tokens, draw) + wanted.slow
        return replace(reply, body=body, wait_seconds=wait, entry=booked)

    def _payload(self, route: Route, asked: Asked, said: Answer, draw: int) -> dict[str, Any]:
        name = chance.token(29, self._options.seed, "message", asked.key, draw)
        if route == "messages":
            return messages_wire.write(said, asked, self._profile, f"msg_01{name[:22]}")
        return chat_wire.write(said, asked, f"chatcmpl-{name}", int(self._clock.now().timestamp()))

    def _wait(self, asked: Asked, output_tokens: int, sighting: int) -> float:
        scale = self._options.latency_scale
        if scale == 0:
            return 0.0
        return scale * latency.seconds(
            asked.card, output_tokens, seed=self._options.seed, key=asked.key, sighting=sighting
        )

    def _read_messages(self, body: Any, key: str, headers: Mapping[str, str]) -> Asked:
        messages_check.check_headers(headers, self._profile)
        body = messages_check.check_shape(body, self._profile)
        card = self._card(body["model"])
        _refuse_stream(body)
        messages_check.check_for_model(body, card, self._profile, version=headers.get("anthropic-version"))
        asked = messages_wire.read(body, card, key)
        messages_check.check_length(asked.input_tokens, asked.max_tokens, card)
        return asked

    def _read_chat(self, body: Any, key: str) -> Asked:
        body = chat_check.check_shape(body)
        card = self._card(body["model"])
        _refuse_stream(body)
        chat_check.check_for_model(body, card)
        asked = chat_wire.read(body, card, key)
        messages_check.check_length(asked.input_tokens, 0, card)
        return asked

    def _card(self, model: str) -> ModelCard:
        card = self._catalog.by_id.get(model)
        book = self._options.answers
        if card is None and book is not None and book.replay and model in book.models:
            return self._catalog.unlisted
        if card is None or card.retired:
            message = f"model: {model}"
            if self._profile.name == "openai":
                message = f"The model `{model}` does not exist or you do not have access to it."
            raise Invalid(message, status=404, code="model_not_found")
        return card

    def _authenticate(self, headers: Mapping[str, str]) -> None:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        key = headers.get("x-api-key") or (bearer.strip() if scheme.lower() == "bearer" else "")
        if not key:
            raise Invalid("no key: send x-api-key or Authorization: Bearer", status=401)
        if key.startswith("wrong"):
            raise Invalid("invalid x-api-key", status=401)

    def _parse(self, raw: bytes) -> Any:
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise Invalid(f"The request body is not valid JSON: {error}") from error

    def _request_id(self) -> str:
        self._requests += 1
        return f"req_01{chance.token(22, self._options.seed, 'request', self._requests)}"


def _named_model(body: Any) -> str | None:
    model = body.get("model") if isinstance(body, dict) else None
    return model if isinstance(model, str) else None


def _refused(invalid: Invalid) -> Refused:
    return Refused(status=invalid.status, message=invalid.message, code=invalid.code)


def _refuse_stream(body: dict[str, Any]) -> None:
    if body.get("stream"):
        raise Invalid('stream: this simulator does not stream; send "stream": false or leave the field out')
