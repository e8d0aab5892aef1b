"""The errors a user can meet, and the exit code of each.

    EvalmillError            1   never raised itself
    ├── UsageError          64   the command line
    ├── DataError           65   a dataset or its rows
    ├── TemplateError       65   a prompt template
    ├── RequestRejected     65   every request is refused the same way
    ├── ProviderUnreachable 69   the address does not answer
    ├── OutputError         73   a folder that is taken, foreign or not writable
    ├── DiskError           74   writing failed (full, input/output error)
    ├── StoppedResumable    75   budget, quota or a long outage; run again to continue
    ├── KeyRefused          77   the provider refuses the key
    └── SettingsError       78   eval.toml, providers.toml, environment

Failures of single requests are values (`core.records.Failure`), not exceptions.
Each message says what was found, where, and what to do.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_GATE_FAILED = 1
EXIT_JOBS_FAILED = 2
EXIT_BUG = 70


class EvalmillError(Exception):
    """Base of every error that is shown to the user without a traceback."""

    exit_code = 1


class UsageError(EvalmillError):
    """The command line asks for something that does not exist."""

    exit_code = 64


class DataError(EvalmillError):
    """A dataset cannot be read, or says something twice."""

    exit_code = 65


class TemplateError(EvalmillError):
    """A template has a mistake, or a row does not fit it."""

    exit_code = 65

    def __init__(self, message: str, *, path: str | None = None, line: int | None = None) -> None:
        """Prefix `message` with `path:line` where they are known."""
        place = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        super().__init__(place + message)
        self.path = path
        self.line = line
        self.bare_message = message


class RequestRejected(EvalmillError):
    """The provider refuses every request in the same way: the template or the parameters are wrong."""

    exit_code = 65


class ProviderUnreachable(EvalmillError):
    """The provider's address does not resolve, refuses connections, or fails TLS."""

    exit_code = 69


class OutputError(EvalmillError):
    """The run folder is taken, holds something else, or cannot be written."""

    exit_code = 73


class DiskError(EvalmillError):
    """The disk refused a write; nothing acknowledged is lost."""

    exit_code = 74


class StoppedResumable(EvalmillError):
    """The run stopped before its end, cleanly; the same command continues it."""

    exit_code = 75


class KeyRefused(EvalmillError):
    """The provider refuses the key."""

    exit_code = 77


class SettingsError(EvalmillError):
    """A settings file or an environment variable is wrong or missing."""

    exit_code = 78
