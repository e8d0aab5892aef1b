"""Faults by name: what a marker, a header or a rate may ask for, and which fault holds for one request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipeline.simulator import chance
from pipeline.simulator.fields import Invalid

if TYPE_CHECKING:
    from pipeline.simulator.options import Options
    from pipeline.simulator.profiles import Profile

FLAGS: Mapping[str, str] = {
    # the connection
    "reset": "the connection is reset before an answer; with `paid`, after one was generated",
    "reset_after_headers": "a reset between the headers and the body",
    "reset_mid_body": "a reset half way through the body",
    "cut_length": "`Content-Length` announces the whole body, half of it comes, and the connection closes",
    "cut_chunked": "a chunked body that ends half way, without its last chunk",
    "cut_close": "a body whose length nobody announced ends half way, as if it were whole",
    "drip_headers": "headers come byte by byte, `gap=SECONDS` apart (0.3)",
    "drip_body": "the body comes byte by byte, `gap=SECONDS` apart (0.3)",
    "close_after": "the connection is closed after the answer, though keep-alive was promised",
    "close_on_reuse": "the next request on the same connection is cut off unread",
    # HTTP
    "interim_flood": "1,000 answers 103 before the real one",
    "huge_header": "a response header of 200,000 bytes",
    "html": "an HTML page instead of JSON; with `status=`, that status (403, 502, 524)",
    "empty_body": "status 200 and no body",
    "notjson": "half of the body, with a length that fits",
    "latin1": "the text has an é in Latin-1, the header says UTF-8",
    "utf16": "the body in UTF-16, as its header says",
    "bom": "a byte order mark before the body",
    "lone_surrogate": "half a surrogate pair, escaped, in the text",
    "nan": "a field NaN",
    "nul": "an escaped NUL in the text",
    "raw_nul": "a NUL byte inside the text's string",
    "deep_json": "a field of 100,000 nested arrays",
    "gzip_bomb": "a small gzip body of 80 MiB: white space, or comments in a stream",
    "endless_body": "a body that goes on until 80 MiB were sent: white space, or comments in a stream",
    "error200": "an error object with status 200",
    "spend_limit": "a 429 that no waiting mends; with `status=400`, the limit that the customer set",
    "insufficient_quota": "a 429 that says the account is empty",
    # streams; no effect on an answer that is not streamed
    "sse_bytes": "every byte in a chunk of its own",
    "sse_split": "CRLF line ends, with chunks that end inside a CRLF and inside each character",
    "sse_crlf": "lines end with CRLF",
    "sse_cr": "lines end with CR",
    "sse_comments": "comments, blank lines, `retry:` and `id:` between the events",
    "sse_no_names": "no `event:` lines",
    "sse_no_space": "no space after `data:`",
    "sse_multiline": "each object over two `data:` lines",
    "sse_no_last_blank": "no blank line after the last event",
    "sse_no_stop": "the stream ends without message_stop, or `[DONE]`",
    "sse_no_delta": "no message_delta, or no finish_reason",
    "sse_cut_start": "the stream ends before its first byte",
    "sse_cut_character": "the stream ends inside a character",
    "sse_cut_tool": "the stream ends inside a tool's JSON, or half way through the text",
    "sse_cut_delta": "the stream ends before message_delta, or before finish_reason",
    "abrupt": "with one of the `sse_` faults that end a stream: the connection closes without the last chunk",
    "sse_error": "an error event after half of the content, and the end",
    "sse_stray_done": "`[DONE]` at the end of a Messages stream",
    "sse_duplicates": "every event twice, but for text and tool input",
    "sse_unknown": "unknown events, delta types and a block of an unknown type",
    "sse_choices": "a second choice, its chunks before those of the first (chat)",
    "sse_blank_reason": "`finish_reason` is an empty text, not null, in all chunks but the last (chat)",
    "sse_late_input": "input_tokens is 0 until the last usage",
    "sse_hold_open": "the connection stays open after the last event",
    "sse_silence": "90 seconds of silence half way; `gap=SECONDS` for another time",
    "sse_flood": "a million empty events before the answer",
    "sse_as_json": "a JSON body in answer to a stream request",
    "usage_decreasing": "a later usage is lower than the one before; without a stream, no change",
    "usage_negative": "a negative number of output tokens, in a stream after the right one",
    "usage_string": "token counts as text, in a stream after the right ones",
    # what the model does
    "max_tokens": "an answer cut off at its limit",
    "refusal": "a refusal",
    "empty": "an answer without text",
    "null_content": "`content` is null; no effect on a stream",
    "no_usage": "an answer without token counts",
    "no_stop_sequence": "no field `stop_sequence`",
    "unknown_block": "a content block of an unknown type before the text",
    "redacted": "thinking comes redacted",
    "paid": "with a fault that brings no answer: it was generated and is billed all the same",
}
"""Every fault that is a word of its own, with what it does."""

VALUES: Mapping[str, tuple[str, str]] = {
    "status": (r"[345]\d\d", "this HTTP status, in the profile's error shape"),
    "code": (r"\d+", "a wrapper with this code, with status 200"),
    "retry_after": (
        r"\S+",
        "the header `retry-after` of a failure, word for word; `date`: an HTTP date in 2 s, `none`: no such header",
    ),
    "retry_after_ms": (r"\S+", "the header `retry-after-ms` of a failure, word for word"),
    "should_retry": (r"true|false", "the header `x-should-retry` of a failure"),
    "redirect": (r"\S+", "status 307 to this address"),
    "slow": (r"\d+(\.\d+)?", "so many seconds of silence before the first byte"),
    "gap": (r"\d+(\.\d+)?", "the pause of `drip_headers`, `drip_body` and `sse_silence`"),
    "stop_reason": (r"\S+", "this stop reason"),
    "model": (r"\S+", "the answer says that this model gave it"),
    "times": (r"\d+", "only the first so many times that the request is seen"),
}
"""Faults with a value (a regular expression for it), with what they do."""

_MARKER = re.compile(r"\[\[sim:([^\[\]]*)\]\]")
_SEPARATOR = re.compile(r"[,;\s]+")
_MOST_SECONDS = 3_600.0
_NUMBERS = ("status", "code", "times")
_SECONDS = ("slow", "gap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Directives:
    """The faults that one request asks for; each value is None where nothing is asked."""

    words: frozenset[str] = frozenset()
    """Those of FLAGS."""
    status: int | None = None
    code: int | None = None
    retry_after: str | None = None
    retry_after_ms: str | None = None
    should_retry: str | None = None
    redirect: str | None = None
    slow: float = 0.0
    """Seconds to wait besides the latency; not scaled."""
    gap: float | None = None
    stop_reason: str | None = None
    model: str | None = None
    times: int | None = None

    def has(self, *words: str) -> bool:
        """Whether any of `words` is asked for."""
        return not self.words.isdisjoint(words)

    @property
    def refusal(self) -> bool:
        """Whether the model refuses."""
        return "refusal" in self.words

    @property
    def empty(self) -> bool:
        """Whether the model says nothing."""
        return "empty" in self.words

    @property
    def max_tokens(self) -> bool:
        """Whether the answer is cut off at its limit."""
        return "max_tokens" in self.words

    @property
    def redacted(self) -> bool:
        """Whether thinking comes redacted."""
        return "redacted" in self.words

    @property
    def label(self) -> str | None:
        """What is asked, as one marker would write it; None for nothing."""
        values = [(name, getattr(self, name)) for name in VALUES if name != "times"]
        written = [f"{name}={value:g}" if name in _SECONDS else f"{name}={value}" for name, value in values if value]
        return ",".join([*sorted(self.words), *written]) or None


NONE = Directives()


def directives(user_text: str, header: str | None) -> Directives:
    """Read `[[sim:...]]` markers of the last user text and the x-sim header.

    Several may be combined: `[[sim:status=500,times=2]]`. Raises Invalid for a word that is not known.
    """
    written = _MARKER.findall(user_text) if "[[sim:" in user_text else []
    if header:
        written.append(header)
    return parse(" ".join(written)) if written else NONE


def parse(text: str) -> Directives:
    """Read the words of one marker (Invalid for a word that is not known)."""
    words: set[str] = set()
    values: dict[str, Any] = {}
    for word in filter(None, _SEPARATOR.split(text.strip())):
        name, has_value, value = word.partition("=")
        if name in FLAGS and not has_value:
            words.add(name)
        elif name in VALUES and re.fullmatch(VALUES[name][0], value):
            values[name] = _read(name, value)
        else:
            raise Invalid(f"the simulator does not know the marker {word!r}; it knows {', '.join(_known())}")
    return Directives(words=frozenset(words), **values)


def in_effect(wanted: Directives, options: Options, profile: Profile, key: str, sighting: int) -> Directives:
    """Decide what happens to one sighting of a request: what it asks for, else what is drawn by rate.

    The next sighting draws anew, so retries succeed.
    """
    if wanted.times is not None and sighting >= wanted.times:
        wanted = NONE
    if wanted != NONE or not (options.error_rate or options.rate_limited or options.faults):
        return replace(wanted, times=None)
    place = chance.unit(options.seed, "fault", key, sighting)
    if place < options.error_rate:
        outage = chance.whole(options.seed, "outage", key, sighting) % 2
        return Directives(status=profile.outage_statuses[outage])
    edge = options.error_rate + options.rate_limited
    if place < edge:
        return Directives(status=429)
    for name, share in options.faults.items():
        edge += share
        if place < edge:
            return parse(name)
    return NONE


def _read(name: str, value: str) -> Any:
    if name in _NUMBERS:
        return int(value)
    return min(float(value), _MOST_SECONDS) if name in _SECONDS else value


def _known() -> list[str]:
    return [*FLAGS, *(f"{name}={'SECONDS' if name in _SECONDS else '...'}" for name in VALUES)]
