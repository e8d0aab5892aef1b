"""The tree of errors: exit codes as the module's own table has them."""

from __future__ import annotations

import re

import pytest

from pipeline.core import errors
from pipeline.core.errors import EvalmillError, TemplateError

TABLE = {
    match["name"]: int(match["code"])
    for match in re.finditer(r"^\s+[├└]── (?P<name>\w+)\s+(?P<code>\d+)", errors.__doc__ or "", re.MULTILINE)
}
CLASSES = {
    name: value
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, EvalmillError) and value is not EvalmillError
}


def test_the_documented_table_is_complete_and_true() -> None:
    assert {name: error.exit_code for name, error in CLASSES.items()} == TABLE


def test_codes_are_shared_only_where_the_users_data_is_wrong() -> None:
    codes = [code for code in TABLE.values() if code != 65]
    assert len(codes) == len(set(codes))
    assert {name for name, code in TABLE.items() if code == 65} == {"DataError", "TemplateError", "RequestRejected"}


def test_no_error_ends_like_success_a_failed_gate_failed_jobs_or_a_bug() -> None:
    taken = {errors.EXIT_OK, errors.EXIT_GATE_FAILED, errors.EXIT_JOBS_FAILED, errors.EXIT_BUG}
    assert len(taken) == 4
    assert not taken & set(TABLE.values())


@pytest.mark.parametrize(
    ("place", "shown"),
    [({"path": "p.jinja", "line": 3}, "p.jinja:3: no"), ({"path": "p.jinja"}, "p.jinja: no"), ({}, "no")],
)
def test_a_template_error_says_where(place: dict[str, object], shown: str) -> None:
    error = TemplateError("no", **place)  # type: ignore[arg-type]
    assert str(error) == shown
    assert error.bare_message == "no"
