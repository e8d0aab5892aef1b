"""Changes go into providers.toml as text: comments stay, and what cannot be done safely is left to the user."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest

from pipeline.config.providers import load_providers
from pipeline.core.errors import OutputError, SettingsError
from pipeline.core.settings import Limits
from pipeline.doctor.prescribe import edit, write_changes
from pipeline.doctor.records import Change

AUTH = Change(table=("providers", "lab"), values={"auth": "bearer"})
LIMITS = Change(
    table=("providers", "ofox", "models", "anthropic/claude-opus-4.6", "limits"), values={"requests_per_minute": 200}
)
LAB = """\
# ours
[providers.lab]   # the lab
protocol = "anthropic-messages"
base_url = "http://127.0.0.1:9000"  # upstairs

[providers.lab.limits]
requests_per_minute = 30
"""


def edited(source: str, *changes: Change) -> str:
    return edit(source, changes, "by the doctor", Path("providers.toml"))


def test_a_missing_table_is_appended() -> None:
    text = edited(LAB, LIMITS)
    assert text.startswith(LAB)
    assert text.removeprefix(LAB) == (
        '\n# by the doctor\n[providers.ofox.models."anthropic/claude-opus-4.6".limits]\nrequests_per_minute = 200\n'
    )


def test_a_key_joins_the_table_that_is_there() -> None:
    text = edited(LAB, AUTH)
    assert text.replace('# by the doctor\nauth = "bearer"\n', "") == LAB
    assert tomllib.loads(text)["providers"]["lab"]["auth"] == "bearer"


def test_a_table_that_only_its_children_name_is_made() -> None:
    text = edited("[providers.lab.limits]\nburst_seconds = 1\n", AUTH)
    assert tomllib.loads(text) == {"providers": {"lab": {"auth": "bearer", "limits": {"burst_seconds": 1}}}}


def test_line_ends_and_a_missing_last_one_are_kept() -> None:
    source = '[providers.lab]\r\nprotocol = "openai-chat"'
    assert edited(source, AUTH) == '[providers.lab]\r\n# by the doctor\r\nauth = "bearer"\r\nprotocol = "openai-chat"'
    assert edited(source, LIMITS).startswith(source + "\r\n\r\n# by the doctor\r\n[providers.ofox")


def test_what_the_file_says_already_is_not_said_twice() -> None:
    once = edited(LAB, AUTH, LIMITS)
    assert edited(once, AUTH, LIMITS) == once


@pytest.mark.parametrize(
    "source",
    [
        '[providers.lab]\nauth = "x-api-key"\n',  # says something else
        'providers = {lab = {protocol = "openai-chat"}}\n',  # an inline table takes no more keys
        'text = """\n[providers.lab]\n"""\n[providers.lab]\nprotocol = "openai-chat"\n',  # a header that is none
        "providers = 3\n",
    ],
)
def test_a_file_without_a_safe_place_is_left_alone_with_instructions(tmp_path: Path, source: str) -> None:
    path = tmp_path / "providers.toml"
    path.write_text(source)
    with pytest.raises(SettingsError) as caught:
        write_changes(path, [AUTH], "by the doctor")
    assert '[providers.lab]\n    auth = "bearer"' in str(caught.value)
    assert path.read_text() == source
    assert [entry.name for entry in tmp_path.iterdir()] == ["providers.toml"]


def test_odd_names_are_quoted() -> None:
    odd = Change(table=("providers", 'a "b"\\c', "models", "ü\x7f\t."), values={"x": 1.5})
    assert tomllib.loads(edited("", odd)) == {"providers": {'a "b"\\c': {"models": {"ü\x7f\t.": {"x": 1.5}}}}}


def test_a_new_file_loads_as_settings(tmp_path: Path) -> None:
    path = tmp_path / "providers.toml"
    write_changes(path, [LIMITS], "by the doctor")
    ofox = load_providers(path)["ofox"]
    assert ofox.model_limits == {"anthropic/claude-opus-4.6": Limits(requests_per_minute=200)}
    assert ofox.limits == Limits(requests_per_minute=100)


def test_a_link_and_the_mode_of_its_file_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "providers.toml"
    real.write_text(LAB)
    real.chmod(0o640)
    link.symlink_to(real)
    write_changes(link, [AUTH], "by the doctor")
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert load_providers(link)["lab"].auth == "bearer"


def test_a_folder_that_is_not_there_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_changes(tmp_path / "nowhere" / "providers.toml", [AUTH], "by the doctor")


def test_a_file_that_is_no_toml_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "providers.toml"
    path.write_bytes(b"[providers\n")
    with pytest.raises(SettingsError, match="not valid TOML"):
        write_changes(path, [AUTH], "by the doctor")
    path.write_bytes(b"# \xff\n")
    with pytest.raises(SettingsError, match="not UTF-8"):
        write_changes(path, [AUTH], "by the doctor")
