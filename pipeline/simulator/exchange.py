"""Decides the reply to each request: checks, faults, answer. Knows no sockets and does not wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from pipeline.core.clock import Clock
from pipeline.simulator import (
    behaviour,
    chance,
    charges,
    chat_stream,
    chat_wire,
    fault_replies,
    faults,
    latency,
    messages_stream,
    messages_wire,
    profiles,
    rate_limits,
    reading,
    replies,
)
from pipeline.simulator.asking import Answer, Asked, Refused, Route
from pipeline.simulator.fields import Invalid
from pipeline.simulator.ledger import Entry, request_key
from pipeline.simulator.options import Options
from pipeline.simulator.profiles import Profile
from pipeline.simulator.prompt_cache import Account, CacheUse, PromptCache
from pipeline.simulator.rate_limits import Demand, OutputDebt, RateLimits
from pipeline.simulator.reading import Reader
from pipeline.simulator.replies import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One request that passed its checks, with everything that belongs to it."""

    route: Route
    asked: Asked
    profile: Profile
    """On this route."""
    request_id: str
    account: Account
    use: CacheUse


OUTAGE_STATUS = 503


class Exchange:
    """One provider's mind: everything that decides a reply, and the counts of what was seen before."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._profile = profiles.find(options.profile)
        self._reader = Reader(options, self._profile)
        self._sightings: Counter[str] = Counter()
        self._draws: Counter[str] = Counter()
        self._cache = PromptCache(clock)
        self.limits = RateLimits(options, clock, accounting=self._profile.accounting, style=self._profile.limit_headers)
        """The token buckets, with the count of what they refused."""
        self._requests = 0
        self._began = clock.monotonic()
        self._retry_after = "0" if options.latency_scale == 0 else "1"

    def generate(self, route: Route, headers: Mapping[str, str], raw: bytes) -> Reply:
        """Reply to a request for an answer; headers by lower-case name."""
        profile = self._profile.on(route)
        request_id = self._request_id()
        model = key = None
        try:
            api_key = reading.api_key(headers)
            body = self._reader.body(raw)
            model, key = _named_model(body), request_key(body)
            asked = self._reader.asked(route, body, key, headers)
            wanted = faults.directives(asked.user_text, headers.get("x-sim"))
        except Invalid as invalid:
            reply = replies.error(_refused(invalid), profile, request_id)
            return replace(reply, entry=Entry(model=model, key=key, status=invalid.status))
        call = _Call(
            route=route,
            asked=asked,
            profile=profile,
            request_id=request_id,
            account=(api_key, asked.card.name),
            use=self._cache.look_up(asked.cache, (api_key, asked.card.name)),
        )
        return self._limited(call) or self._reply(call, wanted)

    def begun(self, reply: Reply) -> None:
        """Note that the first byte of `reply` is on its way: what it wrote to the prompt cache becomes readable."""
        self._cache.open(reply.cache_writes)

    def finished(self, reply: Reply) -> None:
        """Note that `reply` has ended, whole or broken off: its output counts against the rate limit."""
        if reply.output is not None:
            self.limits.settle(reply.output)

    def count_tokens(self, headers: Mapping[str, str], raw: bytes) -> Reply:
        """Reply to count_tokens."""
        return self._plain(headers, lambda: {"input_tokens": self._reader.token_count(self._reader.body(raw), headers)})

    def models(self, headers: Mapping[str, str], query: Mapping[str, str]) -> Reply:
        """Reply with the list of models."""
        return self._plain(headers, lambda: self._reader.model_page(headers, query))

    def model(self, headers: Mapping[str, str], model_id: str) -> Reply:
        """Reply with one model."""
        return self._plain(headers, lambda: self._reader.model(model_id))

    def refuse(self, status: int, message: str) -> Reply:
        """Reply to what is no valid request at all: unknown paths, oversized bodies."""
        return replies.error(Refused(status=status, message=message), self._profile, self._request_id())

    def _plain(self, headers: Mapping[str, str], payload: Callable[[], dict[str, Any]]) -> Reply:
        """Reply on a route that generates nothing."""
        request_id = self._request_id()
        try:
            reading.api_key(headers)
            return replies.success(payload(), self._profile, request_id, envelope=False)
        except Invalid as invalid:
            return replies.error(_refused(invalid), self._profile, request_id)

    def _limited(self, call: _Call) -> Reply | None:
        """Refuse what the token buckets do not allow; everything else is charged to them."""
        asked = call.asked
        fresh = asked.input_tokens - call.use.read_tokens
        demand = Demand(account=call.account, input_tokens=fresh, promised_output=asked.promised_output)
        exceeded = self.limits.admit(demand)
        if exceeded is None:
            return None
        reply = replies.error(rate_limits.refusal(exceeded), call.profile, call.request_id)
        told = {"retry-after": str(exceeded.retry_after_seconds), **self.limits.headers(call.account)}
        entry = Entry(model=asked.model_id, key=asked.key, status=reply.status)
        return replace(reply, headers={**reply.headers, **told}, entry=entry)

    def _reply(self, call: _Call, asked_for: faults.Directives) -> Reply:
        asked = call.asked
        sighting = self._sightings[asked.key]
        self._sightings[asked.key] += 1
        wanted = faults.in_effect(asked_for, self._options, self._profile, asked.key, sighting)
        if asked_for == faults.NONE and self._is_down():
            wanted = faults.Directives(status=OUTAGE_STATUS)
        failed = fault_replies.failed(
            wanted, call.profile, call.request_id, retry_after=self._retry_after, now=self._clock.now()
        )
        if wanted.redacted:
            call = replace(call, asked=replace(asked, thinking_redacted=True))
        if failed is None:
            return self._answered(call, wanted)
        if asked_for == faults.NONE and self._comes_late(failed, asked.key, sighting):
            failed = self._late(failed, call, wanted)
        entry = Entry(model=asked.model_id, key=asked.key, status=failed.status)
        if wanted.has("paid"):
            booked = self._answered(call, wanted).entry or entry
            entry = replace(booked, status=failed.status)
        return replace(failed, wait_seconds=self._wait(asked, 0, sighting) + wanted.slow, entry=entry)

    def _is_down(self) -> bool:
        """Whether the outage that was asked for is on."""
        if self._options.outage is None:
            return False
        after, lasts = self._options.outage
        return after <= self._clock.monotonic() - self._began < after + lasts

    def _answered(self, call: _Call, wanted: faults.Directives) -> Reply:
        asked, use = call.asked, call.use
        said, draw = self._say(asked, wanted)
        payload = self._payload(call, said, draw)
        self._cache.refresh(use, call.account)
        reply = self._written(call, payload, draw, streamed=call.asked.stream and not wanted.has("sse_as_json"))
        spent = OutputDebt(account=call.account, tokens=said.output_tokens)
        wait = self._wait(asked, said.output_tokens, draw)
        first, gap = (wait, 0.0) if reply.events is None else latency.spread(wait, len(reply.events))
        return fault_replies.deformed(
            replace(
                reply,
                headers={**reply.headers, **self.limits.headers(call.account)},
                wait_seconds=first + wanted.slow,
                gap_seconds=gap,
                entry=charges.book(said, asked, use),
                cache_writes=use.writes,
                output=spent,
                directives=wanted,
            )
        )

    def _say(self, asked: Asked, wanted: faults.Directives) -> tuple[Answer, int]:
        """Answer; the number says which draw of an identical request this was."""
        draw = 0
        if asked.temperature > 0:
            draw = self._draws[asked.key]
            self._draws[asked.key] += 1
        said = behaviour.answer(
            asked, self._options.answers, wanted, seed=self._options.seed, draw=draw, manners=self._options.judge
        )
        return (said if wanted.stop_reason is None else replace(said, stop_reason=wanted.stop_reason)), draw

    def _payload(self, call: _Call, said: Answer, draw: int) -> dict[str, Any]:
        name = chance.token(29, self._options.seed, "message", call.asked.key, draw)
        if call.route == "messages":
            return messages_wire.write(said, call.asked, call.use, call.profile, f"msg_01{name[:22]}")
        return chat_wire.write(
            said,
            call.asked,
            call.use,
            call.profile,
            completion_id=f"chatcmpl-{name}",
            created=int(self._clock.now().timestamp()),
        )

    def _written(self, call: _Call, payload: dict[str, Any], draw: int, *, streamed: bool) -> Reply:
        """Write an answer as the request wants it: whole, or as the frames of a stream."""
        if not streamed:
            return replies.success(payload, call.profile, call.request_id)
        rng = chance.generator(self._options.seed, "chunks", call.asked.key, draw)
        if call.route == "messages":
            frames = messages_stream.frames(payload, rng, late_input=call.profile.late_input_tokens)
        else:
            frames = chat_stream.frames(payload, rng, with_usage=call.asked.stream_usage)
        return replies.stream(frames, call.profile, call.request_id)

    def _comes_late(self, failed: Reply, key: str, sighting: int) -> bool:
        """Whether a drawn failure happens after generation began, when the status 200 is out already."""
        if not self._profile.late_failures or failed.status not in self._profile.outage_statuses:
            return False
        return chance.whole(self._options.seed, "late", key, sighting) % 2 == 0

    def _late(self, failed: Reply, call: _Call, wanted: faults.Directives) -> Reply:
        """Put a failure inside a reply of status 200."""
        if not call.asked.stream:
            return replace(failed, status=200)
        error = orjson.loads(failed.body)
        if call.route == "messages":
            frames = messages_stream.broken_frames(error)
        else:
            said = behaviour.answer(call.asked, self._options.answers, wanted, seed=self._options.seed, draw=0)
            rng = chance.generator(self._options.seed, "chunks", call.asked.key, 0)
            frames = chat_stream.broken_frames(self._payload(call, said, 0), error, rng)
        return replies.stream(frames, call.profile, call.request_id)

    def _wait(self, asked: Asked, output_tokens: int, sighting: int) -> float:
        scale = self._options.latency_scale
        if scale == 0:
            return 0.0
        return scale * latency.seconds(
            asked.card, output_tokens, seed=self._options.seed, key=asked.key, sighting=sighting
        )

    def _request_id(self) -> str:
        self._requests += 1
        return f"req_01{chance.token(22, self._options.seed, 'request', self._requests)}"


def _named_model(body: Any) -> str | None:
    model = body.get("model") if isinstance(body, dict) else None
    return model if isinstance(model, str) else None


def _refused(invalid: Invalid) -> Refused:
    return Refused(status=invalid.status, message=invalid.message, code=invalid.code)
