"""The prompt cache: which prefixes are stored, from when they can be read, and until when (protocol section 8)."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core.clock import Clock

SHORT_SECONDS = 300.0
LONG_SECONDS = 3_600.0
_FIRST_SWEEP = 4_096

Account = tuple[str, str]
"""Key and model: entries are shared by nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """The beginning of a prompt, up to the end of some block."""

    slot: str
    """Hash of everything in it."""
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakpoint:
    """A prefix that is to be stored."""

    prefix: Prefix
    ttl_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePlan:
    """What one request may read from the cache and wants to write."""

    readable: tuple[Prefix, ...] = ()
    """Where an earlier entry is looked for, longest first."""
    stored: tuple[Breakpoint, ...] = ()
    """Shortest first."""
    writes_billed: bool = True
    """Automatic caching of chat servers writes free of charge."""


NO_CACHE = CachePlan()


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheWrite:
    """One prefix on its way into the cache."""

    account: Account
    slot: str
    ttl_seconds: float
    started_at: float
    """By the monotonic clock: lifetimes count from the start of the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheUse:
    """What the cache does for one request, in tokens."""

    read_tokens: int = 0
    write_5m_tokens: int = 0
    write_1h_tokens: int = 0
    writes: tuple[CacheWrite, ...] = ()
    touched: tuple[str, ...] = ()
    """Entries in use, whose lifetime begins anew."""

    @property
    def cached_tokens(self) -> int:
        """Tokens of the prompt that do not count as fresh input."""
        return self.read_tokens + self.write_5m_tokens + self.write_1h_tokens


NOT_CACHED = CacheUse()


@dataclass(slots=True)
class _Stored:
    ttl_seconds: float
    expires_at: float


class PromptCache:
    """The table of stored prefixes of one provider."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._table: dict[tuple[Account, str], _Stored] = {}
        self._sweep_at = _FIRST_SWEEP

    def look_up(self, plan: CachePlan, account: Account) -> CacheUse:
        """Find the longest stored prefix, and what has to be written beyond it; changes nothing."""
        if not plan.readable:
            return NOT_CACHED
        now = self._clock.monotonic()
        hit = next((prefix for prefix in plan.readable if self._is_live(account, prefix.slot, now)), None)
        reached = read = 0 if hit is None else hit.tokens
        written = {SHORT_SECONDS: 0, LONG_SECONDS: 0}
        writes: list[CacheWrite] = []
        touched = [] if hit is None else [hit.slot]
        for stop in plan.stored:
            prefix, ttl = stop.prefix, stop.ttl_seconds
            if prefix.tokens > read:
                written[ttl] += prefix.tokens - reached
                reached = prefix.tokens
                writes.append(CacheWrite(account=account, slot=prefix.slot, ttl_seconds=ttl, started_at=now))
            elif self._is_live(account, prefix.slot, now):
                touched.append(prefix.slot)
        return CacheUse(
            read_tokens=read,
            write_5m_tokens=written[SHORT_SECONDS] if plan.writes_billed else 0,
            write_1h_tokens=written[LONG_SECONDS] if plan.writes_billed else 0,
            writes=tuple(writes),
            touched=tuple(touched),
        )

    def refresh(self, use: CacheUse, account: Account) -> None:
        """Begin the lifetime of the entries in use anew, free of charge."""
        now = self._clock.monotonic()
        for slot in use.touched:
            stored = self._table[account, slot]
            stored.expires_at = max(stored.expires_at, now + stored.ttl_seconds)

    def open(self, writes: tuple[CacheWrite, ...]) -> None:
        """Make `writes` readable from now on."""
        for write in writes:
            key = (write.account, write.slot)
            expires_at = write.started_at + write.ttl_seconds
            known = self._table.get(key)
            if known is None or known.expires_at < expires_at:
                self._table[key] = _Stored(write.ttl_seconds, expires_at)
        if len(self._table) >= self._sweep_at:
            self._sweep()

    def _is_live(self, account: Account, slot: str, now: float) -> bool:
        stored = self._table.get((account, slot))
        return stored is not None and now < stored.expires_at

    def _sweep(self) -> None:
        """Drop what has expired, so that a long run does not fill the memory."""
        now = self._clock.monotonic()
        self._table = {key: stored for key, stored in self._table.items() if now < stored.expires_at}
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(self._table))
