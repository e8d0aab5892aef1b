"""Access: the keys and addresses that a run needs, and no others: those of providers that something is sent to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import anyio
import anyio.abc
import httpx
from anyio import to_thread

from pipeline.core.errors import EvalmillError, ProviderUnreachable, SettingsError
from pipeline.core.secrets import Secret, load_key
from pipeline.core.settings import EvalSettings, ProviderSettings
from pipeline.plan.expand import Lane, Shard
from pipeline.steps.reuse import Reuse
from pipeline.steps.work import Work
from pipeline.store.run_store import RunStore

CONNECT_SECONDS = 10.0


class OpenLane(NamedTuple):
    """A lane, and what is left to do in it."""

    lane: Lane
    shards: Sequence[Shard]
    jobs: int


class Keys(NamedTuple):
    """The keys that were found, and what is wrong with the others; by provider."""

    found: Mapping[str, Secret]
    missing: Mapping[str, SettingsError]


def find_keys(settings: EvalSettings, environment: Mapping[str, str]) -> Keys:
    """The key of every provider that takes one. The simulator takes any key, and gets one."""
    found: dict[str, Secret] = {}
    missing: dict[str, SettingsError] = {}
    for name, provider in settings.providers.items():
        if provider.key_env is None:
            continue
        try:
            found[name] = load_key(provider.key_env, environment)
        except SettingsError as error:
            missing[name] = error
    if "simulator" in settings.providers and "simulator" not in missing:
        found.setdefault("simulator", Secret("simulated"))
    return Keys(found, missing)


class Access:
    """Looks at each provider once, when a request to it is sure or due: is there a key, and is anybody there."""

    def __init__(self, providers: Mapping[str, ProviderSettings], missing: Mapping[str, SettingsError]) -> None:
        """`missing` says what is wrong with a provider's key; of one that is not in `providers`, it is needed later."""
        self._providers = providers
        self._missing = missing
        self._later = next((problem for name, problem in missing.items() if name not in providers), None)
        self._seen: dict[str, EvalmillError | None] = {}
        self._turn = anyio.Lock()

    async def problem(self, provider: str) -> EvalmillError | None:
        """What keeps requests from being sent to `provider`; connects once."""
        async with self._turn:
            if provider not in self._seen:
                self._seen[provider] = self._missing.get(provider) or await unreachable(self._providers[provider])
            return self._seen[provider]

    async def require(self, lanes: Sequence[OpenLane], plan: Work, store: RunStore, reuse: Reuse) -> None:
        """Raise what keeps a lane from sending, before any request leaves, where that lane is sure to send.

        A lane with more open jobs than there are earlier answers is sure to. For the others only a missing key is
        reason enough to look through their jobs; their addresses are tried when their first request is due. A key that
        is needed later, by the judges of what is answered now, is as good a reason not to send.
        """
        for lane, shards, jobs in lanes:
            provider = lane.provider.name
            if lane.model.recorded is not None or not jobs:
                continue
            if jobs > len(reuse.earlier):
                problem = await self.problem(provider) or self._later
            else:
                problem = self._missing.get(provider) or self._later
                if problem is not None and await to_thread.run_sync(_is_covered, lane, shards, plan, store, reuse):
                    continue
            if problem is not None:
                raise problem


def _is_covered(lane: Lane, shards: Sequence[Shard], plan: Work, store: RunStore, reuse: Reuse) -> bool:
    """Whether earlier answers are there for every open job of a lane that has a request."""
    jobs = (job for shard in shards for job in plan.jobs(shard, store.job_ids(shard.name)))
    return reuse.covers((job for job in jobs if job.request is not None), lane, store)


async def unreachable(provider: ProviderSettings) -> ProviderUnreachable | None:
    """Connect once, and hang up; the error where that fails."""
    url = httpx.URL(provider.base_url)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        with anyio.fail_after(CONNECT_SECONDS):
            await _connect(url.host, port, tls=url.scheme == "https")
    except (OSError, TimeoutError, anyio.EndOfStream, anyio.BrokenResourceError) as error:
        return ProviderUnreachable(
            f"provider {provider.name!r} at {provider.base_url} cannot be reached: {_said(error)}. "
            "Check base_url and the network; nothing was sent to it"
        )
    return None


async def _connect(host: str, port: int, *, tls: bool) -> None:
    if tls:
        stream: anyio.abc.ByteStream = await anyio.connect_tcp(host, port, tls=True, tls_standard_compatible=False)
    else:
        stream = await anyio.connect_tcp(host, port)
    await stream.aclose()


def _said(error: Exception) -> str:
    if isinstance(error, anyio.EndOfStream | anyio.BrokenResourceError):
        return "the connection was closed at once"
    if isinstance(error, TimeoutError):
        return f"no connection within {CONNECT_SECONDS:.0f} s"
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    return str(cause) or type(cause).__name__
