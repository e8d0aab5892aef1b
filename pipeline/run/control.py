"""Stopping: who asked for it and why; nothing new is admitted, what is in flight may finish."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from pipeline.core.errors import (
    EvalmillError,
    KeyRefused,
    ProviderUnreachable,
    RequestRejected,
    SettingsError,
    StoppedResumable,
)
from pipeline.core.records import Failure, Result
from pipeline.run.failure_rate import FailureRate

_IDS = re.compile(r"\b(?=\w*\d)\w{8,}\b")
"""Ids of requests, which differ in messages that say the same."""
TRIAL_JOBS = 20
"""Until a lane has its first answer, it sends no more jobs than this. All refused alike: the settings are wrong."""


class RunControl:
    """The one place that decides to stop a run."""

    def __init__(self, failure_rate: FailureRate | None = None) -> None:
        """Begin running; `failure_rate` says when too many jobs failed."""
        self._failure_rate = failure_rate
        self.reason: EvalmillError | None = None
        self.signal: int | None = None
        self.stopping = False
        self._lanes: list[LaneControl] = []

    @property
    def is_incomplete(self) -> bool:
        """Whether jobs were left open: by a stop of the run, or by a lane that was held."""
        return self.stopping or self.reason is not None

    def stop(self, reason: EvalmillError | None = None, *, signal: int | None = None) -> None:
        """Admit nothing more. The first reason is the one that counts, and a signal counts beside it."""
        if not self.stopping:
            self.reason = self.reason or reason
        if self.signal is None:
            self.signal = signal
        self.stopping = True
        for lane in self._lanes:
            lane.cancel()

    def ended(self, result: Result, problem: str | None = None) -> None:
        """Stop if too many jobs failed, this one included; `problem` is what is wrong with an answer that is taken."""
        reason = None if self._failure_rate is None else self._failure_rate.ended(result, problem)
        if reason is not None:
            self.stop(reason)

    def lane(self) -> LaneControl:
        """The control of one more lane."""
        lane = LaneControl(self)
        self._lanes.append(lane)
        return lane


class LaneControl:
    """Stops one lane, by itself or with the whole run."""

    def __init__(self, run: RunControl) -> None:
        """Use `RunControl.lane` instead."""
        self.run = run
        self._is_held = False
        self._admissions: set[anyio.CancelScope] = set()

    @property
    def stopping(self) -> bool:
        """Whether the lane admits nothing more."""
        return self._is_held or self.run.stopping

    def hold(self, reason: EvalmillError) -> None:
        """Leave the lane's jobs open; the other lanes go on, and the run ends for `reason`, to be continued."""
        self.run.reason = self.run.reason or reason
        self._is_held = True
        self.cancel()

    def cancel(self) -> None:
        """End every wait before a request leaves."""
        for scope in self._admissions:
            scope.cancel()

    @contextmanager
    def admission(self) -> Iterator[anyio.CancelScope]:
        """A scope for waiting before a request leaves; cancelled when the lane stops."""
        with anyio.CancelScope() as scope:
            if self.stopping:
                scope.cancel()
            self._admissions.add(scope)
            try:
                yield scope
            finally:
                self._admissions.discard(scope)


class LaneWatch:
    """Watches one lane's outcomes for what no retry can mend."""

    def __init__(self, control: LaneControl, model: str, *, only_lane: bool, key_env: str | None = None) -> None:
        """`only_lane`: a stop of this lane is a stop of the run; `key_env` names the variable that holds the key."""
        self._key_env = key_env
        self._control = control
        self._model = model
        self._only_lane = only_lane
        self._answered = False
        self._rejections: dict[str, int] = {}
        self._room = TRIAL_JOBS
        self._changed = anyio.Event()
        self.stopped_by: Failure | None = None

    @property
    def has_stopped(self) -> bool:
        """Whether the lane sends nothing more."""
        return self.stopped_by is not None

    async def may_send(self) -> None:
        """Return when one more job may be sent: at once after the lane's first answer, before it only for a trial.

        So a wrong parameter costs at most 20 requests, whatever the concurrency.
        """
        while not self._answered and self.stopped_by is None and self._room == 0:
            await self._changed.wait()
        self._room -= not self._answered

    def answered(self) -> None:
        """An answer arrived: the lane works."""
        if not self._answered:
            self._answered = True
            self._wake()

    def ended(self, result: Result | None) -> None:
        """A job ended without an answer: it makes room for another trial, unless all were refused alike so far."""
        if self._answered or (result is not None and result.error_kind == "request" and len(self._rejections) == 1):
            return
        self._room += 1
        self._wake()

    def failed(self, failure: Failure) -> None:
        """Stop the lane or the run where the failure calls for it."""
        if failure.stops == "run" or (failure.stops == "lane" and self._only_lane):
            self._control.run.stop(stop_error(self._model, failure, self._key_env))
        elif failure.stops == "lane":
            self.stopped_by = failure
            self._wake()
        elif failure.kind == "request" and not self._answered:
            self._rejected(failure)

    def _rejected(self, failure: Failure) -> None:
        key = f"{failure.http_status} {_IDS.sub('#', failure.message)[:60]}"
        self._rejections[key] = self._rejections.get(key, 0) + 1
        if self._rejections[key] >= TRIAL_JOBS:
            self._control.run.stop(rejected_alike(self._model, TRIAL_JOBS, failure.message))

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


def rejected_alike(model: str, count: int, message: str) -> RequestRejected:
    """The error for requests that are all refused in the same way."""
    return RequestRejected(
        f"model {model!r}: the first {count} requests were all refused alike, "
        f"so the template or the parameters are wrong: {message}"
    )


def stop_error(model: str, failure: Failure, key_env: str | None = None) -> EvalmillError:
    """The error that a user sees when `failure` stops the run; `key_env` names the variable that holds the key."""
    said = f"model {model!r}: {failure.message}"
    if failure.kind == "auth":
        where = "the key's environment variable" if key_env is None else key_env
        return KeyRefused(f"the provider refuses the key. {said}. Check {where} and run again")
    if failure.kind == "billing":
        return StoppedResumable(f"the account cannot pay. {said}. Top it up and run again to continue")
    if failure.kind == "model":
        return SettingsError(f"the provider does not have the model. {said}. Check the model's 'id' in eval.toml")
    return ProviderUnreachable(f"the address does not serve requests. {said}. Check the provider's 'base_url'")
