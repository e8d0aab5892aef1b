"""One reference or several: how the rendered `expected` is read."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.score.json_values import compact, read_json
from pipeline.score.options import Options

EMPTY = "it is empty"
NOTHING_LEFT = "normalisation leaves nothing of it"


def take_references(options: Options) -> bool:
    """Whether `expected` renders to a JSON list of references (option `references`) and not to one."""
    return options.take_choice("references", ("one", "list")) == "list"


def read_references(expected: str | None, *, listed: bool) -> tuple[str, ...]:
    """The references in `expected`: itself, or with `listed` the texts of the JSON list that it is, nulls left out.

    Raises ValueError that says why there is none.
    """
    if not expected:
        raise ValueError(EMPTY)
    if not listed:
        return (expected,)
    try:
        value = read_json(expected)
    except ValueError as error:
        raise ValueError(f"{expected[:80]!r} is no JSON list ({error}); render a column with | tojson") from None
    texts = value if isinstance(value, list) else [value]
    known = [text for text in texts if text is not None]
    if strange := [text for text in known if not isinstance(text, str)]:
        raise ValueError(f"its list holds {compact(strange[0])[:80]}, which is no text")
    if not any(known):
        raise ValueError("its list holds no text")
    return tuple(filter(None, known))


def prepared_references(expected: str | None, prepare: Callable[[str], str], *, listed: bool) -> tuple[str, ...]:
    """References made comparable by `prepare`; those of which it leaves nothing are left out.

    Raises ValueError where none is left.
    """
    if listed:
        prepared = tuple(filter(None, map(prepare, read_references(expected, listed=True))))
    elif not expected:
        raise ValueError(EMPTY)
    else:
        only = prepare(expected)
        prepared = (only,) if only else ()
    if not prepared:
        raise ValueError(NOTHING_LEFT)
    return prepared
