"""One visit: the questions in order, each reply read as it comes, and what it all cost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal

from pipeline.core.errors import KeyRefused, ProviderUnreachable
from pipeline.core.records import Failure, Response, Usage
from pipeline.core.secrets import Scrubber, Secret, load_key
from pipeline.core.settings import ProviderSettings
from pipeline.cost.charges import cost_usd
from pipeline.cost.prices import find_price
from pipeline.doctor import questions
from pipeline.doctor.ask import DEADLINE_SECONDS, Asker
from pipeline.doctor.read_answer import (
    read_answer,
    read_cache,
    read_count_tokens,
    read_key,
    read_other_field,
    read_other_header,
)
from pipeline.doctor.read_errors import read_wrong_model
from pipeline.doctor.read_limits import read_limit_hit
from pipeline.doctor.read_stream import read_stream
from pipeline.doctor.records import Diagnosis, Finding, Question, Reply, Subject
from pipeline.run.transport import AiohttpTransport
from pipeline.simulator.options import Options
from pipeline.simulator.server import Simulator

Build = Callable[[Subject], Question]
_ITS_MODEL = ""
"""Stands for the model of the visit."""


async def examine(
    subject: Subject,
    key: Secret | None,
    *,
    today: date,
    with_cache: bool = False,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> Diagnosis:
    """Ask everything there is to ask of `subject`, one request after another.

    Raises KeyRefused when no header takes the key, ProviderUnreachable when the first request finds no server.
    """
    async with _address(subject) as subject, AiohttpTransport() as transport:
        asker = Asker(subject.provider, key, transport, deadline_seconds=deadline_seconds)
        visit = _Visit(subject, asker, Scrubber([] if key is None else [key]))
        await visit.ask_everything(with_cache=with_cache)
        return visit.diagnosis(today)


def find_key(provider: ProviderSettings, environment: Mapping[str, str]) -> Secret | None:
    """The provider's key from the environment (SettingsError without it); the simulator takes any, and gets one."""
    if provider.key_env is not None:
        return load_key(provider.key_env, environment)
    return Secret("simulated") if provider.name == "simulator" else None


class _Visit:
    """What was asked and answered so far."""

    def __init__(self, subject: Subject, asker: Asker, scrubber: Scrubber) -> None:
        self._subject = subject
        self._asker = asker
        self._scrubber = scrubber
        self._findings: list[Finding] = []
        self._replies: list[Reply] = []
        self._billed: list[tuple[str, Reply]] = []
        self._answered = False

    async def ask_everything(self, *, with_cache: bool) -> None:
        await self._ask_plainly()
        if not self._answered:
            return
        chat = self._subject.provider.protocol == "openai-chat"
        self._findings += read_stream(self._subject, await self._ask(questions.stream))
        if not chat:
            counted = await self._ask(questions.count_tokens, model=None)
            self._findings.append(read_count_tokens(self._subject, counted))
        wrong = await self._ask(questions.wrong_model, model=questions.WRONG_MODEL)
        self._findings.append(read_wrong_model(self._subject, wrong))
        for second in (False, True) if with_cache else ():
            self._findings.append(read_cache(self._subject, await self._ask(questions.cached), second=second))

    async def _ask_plainly(self) -> None:
        """Ask for a word; where settings stand in the way, find the ones that do not, and go on with those."""
        first = await self._ask(questions.plain)
        if first.unreachable:
            place = f"provider {self._subject.provider.name!r} at {self._subject.provider.base_url}"
            raise ProviderUnreachable(
                self._scrubber.scrub(f"{place} cannot be reached: {first.broken}. Check base_url and the network")
            )
        self._findings.append(read_key(self._subject, first))
        plain = await self._try_other_header(first)
        if self._subject.provider.protocol == "openai-chat":
            plain = await self._try_other_field(plain)
        self._findings += read_answer(self._subject, plain)
        self._answered = isinstance(self._outcome(plain), Response)

    async def _try_other_header(self, plain: Reply) -> Reply:
        if not self._subject.has_key:
            return plain
        refused = _kind(self._outcome(plain)) == "auth"
        other = await self._ask(questions.other_header)
        found = read_other_header(self._subject, other, mine_works=not refused)
        if refused and not found.change:
            raise self._key_refused(plain, found)
        self._findings.append(found)
        if found.change is None:
            return plain
        auth = found.change.values["auth"]
        self._subject = replace(self._subject, provider=replace(self._subject.provider, auth=auth))
        return other

    def _key_refused(self, plain: Reply, other: Finding) -> KeyRefused:
        outcome = self._outcome(plain)
        said = outcome.message if isinstance(outcome, Failure) else ""
        provider = self._subject.provider
        return KeyRefused(
            self._scrubber.scrub(
                f"provider {provider.name!r} refuses the key in {provider.key_env}: {said}. "
                f"{other.aspect}: {other.found}. Check the key"
            )
        )

    async def _try_other_field(self, plain: Reply) -> Reply:
        works = isinstance(self._outcome(plain), Response)
        if not works and _kind(self._outcome(plain)) != "request":
            return plain
        other = await self._ask(questions.other_max_tokens_field)
        self._findings.append(read_other_field(self._subject, other, mine_works=works))
        if works or not isinstance(self._outcome(other), Response):
            return plain
        field = questions.other_field(self._subject)
        self._subject = replace(self._subject, provider=replace(self._subject.provider, max_tokens_field=field))
        return other

    async def _ask(self, build: Build, *, model: str | None = _ITS_MODEL) -> Reply:
        """Ask, and remember for which model's price; None asks for nothing that is billed."""
        reply = await self._asker.ask(build(self._subject))
        self._replies.append(reply)
        if model is not None:
            self._billed.append((model or self._subject.model, reply))
        return reply

    def _outcome(self, reply: Reply) -> Response | Failure:
        return reply.outcome(self._subject.provider.protocol)

    def diagnosis(self, today: date) -> Diagnosis:
        provider, scrub = self._subject.provider, self._scrubber.scrub
        costs = [self._cost(model, self._outcome(reply), today) for model, reply in self._billed]
        findings = [*self._findings, read_limit_hit(self._replies)]
        return Diagnosis(
            provider=provider.name,
            base_url=scrub(provider.base_url),
            protocol=provider.protocol,
            model=self._subject.model,
            findings=tuple(
                replace(finding, found=scrub(finding.found), note=scrub(finding.note)) for finding in findings
            ),
            calls=self._asker.calls,
            cost_usd=sum((cost for cost in costs if cost is not None), Decimal(0)),
            unpriced_calls=costs.count(None),
            answered=self._answered,
        )

    def _cost(self, model: str, outcome: Response | Failure, today: date) -> Decimal | None:
        """What one call cost; a refusal costs nothing, None is unknown."""
        usage, provider = outcome.usage, self._subject.provider
        if usage is None:
            paid = isinstance(outcome, Failure) and outcome.possibly_paid
            return None if paid else Decimal(0)
        return cost_usd(usage, find_price(provider.prices, provider.name, model, today, _prompt_tokens(usage)))


@asynccontextmanager
async def _address(subject: Subject) -> AsyncIterator[Subject]:
    """Start the built-in simulator where it is asked for and nobody named its address."""
    if subject.provider.base_url:
        yield subject
        return
    async with Simulator(Options()) as simulator:
        yield replace(subject, provider=replace(subject.provider, base_url=simulator.base_url))


def _kind(outcome: Response | Failure) -> str | None:
    return outcome.kind if isinstance(outcome, Failure) else None


def _prompt_tokens(usage: Usage) -> int | None:
    if usage.input_tokens is None:
        return None
    others = (usage.cache_read_tokens, usage.cache_write_5m_tokens, usage.cache_write_1h_tokens)
    return usage.input_tokens + sum(count or 0 for count in others)
