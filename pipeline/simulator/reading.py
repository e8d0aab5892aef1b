"""Reads requests: the key, the body, the checks, and what they ask; Invalid for whatever is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson

from pipeline.simulator import catalog, chat_check, chat_wire, messages_check, messages_wire, model_list, thinking
from pipeline.simulator.asking import Asked, Route
from pipeline.simulator.catalog import ModelCard
from pipeline.simulator.fields import Invalid
from pipeline.simulator.options import Options
from pipeline.simulator.profiles import Profile
from pipeline.simulator.prompt_pieces import count_input


def api_key(headers: Mapping[str, str]) -> str:
    """Take the key of a request; any is good that is not empty and does not begin with `wrong`."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    key = headers.get("x-api-key") or (bearer.strip() if scheme.lower() == "bearer" else "")
    if not key:
        raise Invalid("no key: send x-api-key or Authorization: Bearer", status=401)
    if key.startswith("wrong"):
        raise Invalid("invalid x-api-key", status=401)
    return key


class Reader:
    """Knows the models and the profile's demands."""

    def __init__(self, options: Options, profile: Profile) -> None:
        self._catalog = catalog.load()
        self._profile = profile
        self._book = options.answers

    def body(self, raw: bytes) -> Any:
        """Read the JSON of a body."""
        with self._locally():
            try:
                return orjson.loads(raw)
            except orjson.JSONDecodeError as error:
                raise Invalid(f"The request body is not valid JSON: {error}") from error

    def asked(self, route: Route, body: Any, key: str, headers: Mapping[str, str]) -> Asked:
        """Read a request for an answer; `key` is the hash of its body."""
        return self._chat(body, key) if route == "chat" else self._messages(body, key, headers)

    def token_count(self, body: Any, headers: Mapping[str, str]) -> int:
        """Count the prompt of a request to count_tokens; no cache comes into it."""
        messages_check.check_headers(headers, self._profile)
        with self._locally():
            body = messages_check.check_shape(body, self._profile, counting=True)
        card = self._card(body["model"])
        self._check_for_model(body, card, headers)
        return count_input(body, card)

    def model_page(self, headers: Mapping[str, str], query: Mapping[str, str]) -> dict[str, Any]:
        """List the models as the profile does."""
        if not self._profile.anthropic_model_list:
            return model_list.openai_list(self._catalog)
        messages_check.check_headers(headers, self._profile)
        return model_list.anthropic_page(self._catalog, query)

    def model(self, model_id: str) -> dict[str, Any]:
        """Describe one model as the profile does."""
        return model_list.one(self._card(model_id), model_id, anthropic=self._profile.anthropic_model_list)

    def _messages(self, body: Any, key: str, headers: Mapping[str, str]) -> Asked:
        messages_check.check_headers(headers, self._profile)
        with self._locally():
            body = messages_check.check_shape(body, self._profile)
        card = self._card(body["model"])
        body = thinking.expanded(body, card)
        self._check_for_model(body, card, headers)
        asked = messages_wire.read(body, card, key)
        messages_check.check_length(asked.input_tokens, asked.max_tokens, card)
        return asked

    def _check_for_model(self, body: dict[str, Any], card: ModelCard, headers: Mapping[str, str]) -> None:
        version, betas = headers.get("anthropic-version"), messages_check.beta_names(headers)
        messages_check.check_for_model(body, card, self._profile, version=version, betas=betas)

    def _chat(self, body: Any, key: str) -> Asked:
        with self._locally():
            body = chat_check.check_shape(body)
        card = self._card(body["model"])
        chat_check.check_for_model(body, card)
        asked = chat_wire.read(body, card, key, streams_by_default=self._profile.chat_streams_by_default)
        messages_check.check_length(asked.input_tokens, 0, card)
        return asked

    def _card(self, model: str) -> ModelCard:
        card = self._catalog.by_id.get(model)
        if card is None and self._book is not None and self._book.replay and model in self._book.models:
            return self._catalog.unlisted
        if card is None or card.retired:
            raise Invalid(
                self._profile.unknown_model.format(model=model),
                status=self._profile.unknown_model_status,
                code="model_not_found",
            )
        return card

    @contextmanager
    def _locally(self) -> Iterator[None]:
        """Give refusals the status of those that the gateway makes by itself."""
        try:
            yield
        except Invalid as invalid:
            raise Invalid(invalid.message, status=self._profile.local_status, code=invalid.code) from invalid
