"""A key is found at its line, through tables, arrays of tables, dotted and quoted keys."""

from __future__ import annotations

import pytest

from pipeline.config.locate import line_of

SOURCE = """\
name = "x"
[dataset]
path = "d.csv"

[[models]]
name = "a"
[models.params]
max_tokens = 5

[[models]]
name = "b"   # [not a header]
params = { temperature = 1.0 }
[models.params.metadata]
user_id = "u"
[providers."a b".limits]
requests_per_minute = 3
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 1),
        (("dataset", "path"), 3),
        (("models", 0), 5),
        (("models", 0, "params", "max_tokens"), 8),
        (("models", 1, "name"), 11),
        (("models", 1, "params", "temperature"), 12),
        (("models", 1, "params", "metadata", "user_id"), 14),
        (("providers", "a b", "limits", "requests_per_minute"), 16),
        (("dataset", "missing"), 2),
        (("nothing", "here"), None),
    ],
)
def test_the_line_of_a_key_or_of_the_table_around_it(path: tuple[str | int, ...], line: int | None) -> None:
    assert line_of(SOURCE, path) == line
