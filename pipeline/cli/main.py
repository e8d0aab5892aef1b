"""evalmill: the verbs, and every error as one message with its exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from pipeline.cli import (
    check,
    compare,
    costs,
    doctor,
    init,
    models,
    plan,
    report,
    run,
    schema,
    score,
    simulate,
    status,
    verify,
    view,
)
from pipeline.cli.output import say_error, speak_plainly
from pipeline.core.errors import EXIT_BUG, EXIT_OK, EvalmillError, UsageError

app = typer.Typer(
    name="evalmill",
    help="Batch processing and evaluation of language models.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for verb in (
    run,
    check,
    plan,
    status,
    score,
    report,
    view,
    compare,
    costs,
    verify,
    models,
    doctor,
    init,
    simulate,
    schema,
):
    # The module's first line is `"""evalmill VERB: what it does."""`, short enough for the list of verbs.
    app.command(verb.__name__.rpartition(".")[2], short_help=(verb.__doc__ or "").partition(": ")[2])(verb.command)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"evalmill {version('evalmill')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Batch processing and evaluation of language models."""


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code instead of leaving."""
    speak_plainly()
    try:
        code = app(list(arguments) if arguments is not None else None, standalone_mode=False)
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(error.format_message())
            return UsageError.exit_code
        return _fail(UsageError(f"{error.format_message()}\nsee: evalmill {_verb(arguments)}--help"))
    except EvalmillError as error:
        return _fail(error)
    except KeyboardInterrupt:
        return 130
    except BaseExceptionGroup as group:
        found = _first_evalmill_error(group)
        return _fail(found) if found is not None else _bug(group)
    except Exception as error:
        return _bug(error)
    return code if isinstance(code, int) else EXIT_OK


def _verb(arguments: Sequence[str] | None) -> str:
    """The verb that was meant, to name its help."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    known = {command.name for command in app.registered_commands}
    return f"{words[0]} " if words and words[0] in known else ""


def _first_evalmill_error(group: BaseExceptionGroup[BaseException]) -> EvalmillError | None:
    """The user's error within the group that task groups make of it, unless a bug stands beside it."""
    mine, others = group.split(EvalmillError)
    if mine is None or others is not None:
        return None
    inner: BaseException = mine
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    return inner if isinstance(inner, EvalmillError) else None


def _fail(error: EvalmillError) -> int:
    say_error(str(error))
    return error.exit_code


def _bug(error: BaseException) -> int:
    import traceback

    say_error(
        "this is a bug in evalmill; please report it with these lines:\n" + "".join(traceback.format_exception(error))
    )
    return EXIT_BUG
