"""`evalmill doctor` as a user meets it: a table, JSON, exit codes, providers.toml, and never a key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from pipeline.config.providers import load_providers
from pipeline.core.settings import Limits
from tests.support.commands import environment, evalmill
from tests.support.doctor import KEY, Heard, Said, error, gateway, message, said

LAB = """\
# The lab upstairs.
[providers.lab]  # ask Min before you change this
protocol = "anthropic-messages"
base_url = "{url}"
key_env = "LAB_KEY"
"""


@contextmanager
def lab(folder: Path, answer: Callable[[Heard], Said]) -> Iterator[Path]:
    """A folder with a providers.toml for a gateway that answers so."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(gateway(answer)) as url:
        path = folder / "providers.toml"
        path.write_text(LAB.format(url=url))
        yield path


def bearer_only(heard: Heard) -> Said:
    """Takes the key in one header, and repeats what it got."""
    if "authorization" not in heard.headers:
        return error(401, "authentication_error", f"no key \x1b[31m {list(heard.headers.values())}")
    if heard.path.endswith("/count_tokens"):
        return error(404, "not_found_error", f"no such page for {heard.headers['authorization']}")
    return said(message(), x_ratelimit_limit_requests="120", request_id="req_1")


def test_the_simulator_needs_no_key_and_no_file(tmp_path: Path) -> None:
    done = evalmill("doctor", "simulator", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "yes, ends with message_stop" in done.out
    assert "HTTP 404, class model" in done.out
    assert "5 calls cost USD 0.0" in done.err
    assert list(tmp_path.iterdir()) == []


def test_what_was_learned_is_written_and_loads_again(tmp_path: Path) -> None:
    env = environment(LAB_KEY=KEY.reveal())
    with lab(tmp_path, bearer_only) as path:
        before = path.read_text()
        done = evalmill("doctor", "lab", "--model", "m", "--write", cwd=tmp_path, env=env)
        assert done.code == 0, done.err
        after = path.read_text()
        again = evalmill("doctor", "lab", "--model", "m", "--write", "--json", cwd=tmp_path, env=env)
    settings = load_providers(path)["lab"]
    assert settings.auth == "bearer"
    assert settings.model_limits == {"m": Limits(requests_per_minute=120)}
    assert set(before.splitlines()) <= set(after.splitlines())
    assert "# evalmill doctor, " in after
    assert "written into" in done.err
    assert path.read_text() == after  # the second visit found nothing new
    assert again.json["written"] is None
    for text in (done.out, done.err, after, again.out, again.err):
        assert KEY.reveal() not in text
        assert "\x1b" not in text


def test_json_holds_every_finding_and_an_unknown_cost_is_null(tmp_path: Path) -> None:
    with lab(tmp_path, bearer_only):
        found = evalmill(
            "doctor", "lab", "--model", "m", "--json", cwd=tmp_path, env=environment(LAB_KEY="k" * 20)
        ).json
    by_aspect = {finding["aspect"]: finding for finding in found["findings"]}
    assert by_aspect["key in Authorization: Bearer"]["change"] == {
        "table": ["providers", "lab"],
        "values": {"auth": "bearer"},
    }
    assert (found["model"], found["written"], found["cost_usd"]) == ("m", None, None)
    assert Decimal(found["known_cost_usd"]) == 0
    assert found["calls"] == 5


def test_a_file_that_says_otherwise_is_left_alone_and_the_findings_are_shown(tmp_path: Path) -> None:
    with lab(tmp_path, bearer_only) as path:
        path.write_text(path.read_text() + 'auth = "x-api-key"\n')
        before = path.read_text()
        done = evalmill("doctor", "lab", "--model", "m", "--write", cwd=tmp_path, env=environment(LAB_KEY=KEY.reveal()))
    assert done.code == 78
    assert 'auth = "bearer"' in done.err
    assert "rate limits" in done.out
    assert path.read_text() == before


def test_every_way_to_fail_has_its_code(tmp_path: Path) -> None:
    env = environment(LAB_KEY=KEY.reveal())
    with lab(tmp_path, lambda _: error(401, "authentication_error", "no")):
        refused = evalmill("doctor", "lab", "--model", "m", cwd=tmp_path, env=env)
        missing = evalmill("doctor", "lab", "--model", "m", cwd=tmp_path)
    unreachable = evalmill("doctor", "lab", "--model", "m", cwd=tmp_path, env=env)
    assert (refused.code, missing.code, unreachable.code) == (77, 78, 69)
    assert "LAB_KEY" in missing.err
    with lab(tmp_path, lambda _: error(402, "billing_error", "no credit")):
        unanswered = evalmill("doctor", "lab", "--model", "m", cwd=tmp_path, env=env)
    assert unanswered.code == 2
    assert "no credit" in unanswered.out
    assert evalmill("doctor", "nobody", cwd=tmp_path).code == 64
