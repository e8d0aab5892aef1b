"""evalmill simulate: the provider simulator as a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.output import note, say, say_json


def command(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port.")] = 0,
    profile: Annotated[str, typer.Option(help="Whose dialect is spoken.")] = "anthropic",
    seed: Annotated[int, typer.Option(help="Equal seeds give equal answers.")] = 0,
    answers: Annotated[Path | None, typer.Option(help="A table of questions and true answers.")] = None,
    question_column: Annotated[str, typer.Option(help="Column of --answers.")] = "question",
    answer_column: Annotated[str, typer.Option(help="Column of --answers.")] = "answer",
    model_column: Annotated[
        str | None, typer.Option(help="Column of --answers that names the model, with --replay.")
    ] = None,
    replay: Annotated[bool, typer.Option("--replay", help="Return the answers word for word.")] = False,
    error_rate: Annotated[float, typer.Option(min=0, max=1, help="Share of requests answered with 500 or 529.")] = 0.0,
    rate_limited: Annotated[float, typer.Option(min=0, max=1, help="Share of requests answered with 429.")] = 0.0,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=RATE", help="A fault and its share of requests, such as cut_chunked=0.02. Repeatable."
        ),
    ] = None,
    outage: Annotated[
        str | None,
        typer.Option(metavar="AFTER:SECONDS", help="Answer everything with 503, so long after the start, for so long."),
    ] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option(min=1, help="Limit per key and model; unlimited without.")
    ] = None,
    input_tokens_per_minute: Annotated[int | None, typer.Option(min=1, help="Limit per key and model.")] = None,
    output_tokens_per_minute: Annotated[int | None, typer.Option(min=1, help="Limit per key and model.")] = None,
    latency_scale: Annotated[float, typer.Option(min=0, help="0 answers at once.")] = 1.0,
    ledger: Annotated[Path | None, typer.Option(help="A file that gets one JSON line per request served.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the address as JSON.")] = False,
) -> int:
    """Serve the simulator on 127.0.0.1 until interrupted; any non-empty key is accepted."""
    import signal

    import anyio

    from pipeline.config.read import nearest
    from pipeline.core.errors import ProviderUnreachable, UsageError
    from pipeline.simulator.answers import AnswerBook
    from pipeline.simulator.options import PROFILES, Options
    from pipeline.simulator.server import Simulator

    if profile not in PROFILES:
        raise UsageError(
            f"there is no profile {profile!r}{nearest(profile, PROFILES) or '; there are: ' + ', '.join(PROFILES)}"
        )
    book = None
    if answers is not None:
        book = AnswerBook.from_table(
            answers,
            question_column=question_column,
            answer_column=answer_column,
            model_column=model_column,
            replay=replay,
        )
    options = Options(
        profile=profile,
        seed=seed,
        answers=book,
        error_rate=error_rate,
        rate_limited=rate_limited,
        faults=dict(map(_fault_share, fault or ())),
        outage=None if outage is None else _outage(outage),
        requests_per_minute=requests_per_minute,
        input_tokens_per_minute=input_tokens_per_minute,
        output_tokens_per_minute=output_tokens_per_minute,
        latency_scale=latency_scale,
        ledger_path=ledger,
    )

    async def serve() -> None:
        try:
            async with Simulator(options, port=port) as simulator:
                if json:
                    say_json({"base_url": simulator.base_url, "profile": profile, "seed": seed})
                else:
                    say(simulator.base_url)
                    note(f"simulating {profile!r} with seed {seed}; interrupt to stop")
                _flush()
                with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                    async for _ in signals:
                        return
        except OSError as error:
            raise ProviderUnreachable(
                f"cannot serve on port {port}: {error.strerror or error}; try another --port"
            ) from error

    anyio.run(serve)
    return 0


def _fault_share(text: str) -> tuple[str, float]:
    """Read `NAME=RATE`; the name may itself hold `=`, as in status=503=0.1."""
    from pipeline.core.errors import UsageError

    name, _, share = text.rpartition("=")
    try:
        return name, float(share)
    except ValueError:
        raise UsageError(f"--fault {text}: write NAME=RATE, such as cut_chunked=0.02 or status=503=0.1") from None


def _outage(text: str) -> tuple[float, float]:
    """Read `AFTER:SECONDS`."""
    from pipeline.core.errors import UsageError

    after, _, seconds = text.partition(":")
    try:
        return float(after), float(seconds)
    except ValueError:
        raise UsageError(f"--outage {text}: write AFTER:SECONDS, such as 10:60") from None


def _flush() -> None:
    import sys

    sys.stdout.flush()
