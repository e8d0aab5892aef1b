"""docs/providers.md says what the catalog has and what the doctor looks at."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from pathlib import Path

from pipeline.config.tables import ProvidersTable
from pipeline.core.settings import ProviderSettings
from pipeline.doctor.visit import examine
from pipeline.providers.catalog import load_catalog
from pipeline.simulator.options import Options
from pipeline.simulator.server import Simulator
from tests.support.doctor import KEY, TODAY, chat_subject, subject

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "providers.md").read_text(encoding="utf-8")


def row(provider: ProviderSettings) -> str:
    address = f"`{provider.base_url}`" if provider.base_url else "started by the run itself"
    key, auth = (f"`{provider.key_env}`", f"`{provider.auth}`") if provider.key_env else ("none", "")
    return f"| `{provider.name}` | `{provider.protocol}` | {address} | {key} | {auth} |".replace("|  |", "| |")


def test_the_table_is_the_catalog() -> None:
    listed = re.findall(r"^\| `\w+` \| `[a-z]+-[a-z]+` \|.*$", TEXT, re.MULTILINE)
    assert listed == [row(entry) for entry in load_catalog().values() if entry.protocol != "recorded"]


def test_the_examples_are_accepted() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        assert ProvidersTable.model_validate(tomllib.loads(block, parse_float=Decimal)).providers


async def test_every_aspect_is_explained_and_no_other() -> None:
    cells = re.findall(r"^\| (`.*?) \| ", TEXT.split("## `evalmill doctor`")[1], re.MULTILINE)
    explained = {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}
    found: set[str] = set()
    async with Simulator(Options(latency_scale=0)) as simulator:
        for asked in (subject(simulator.base_url), chat_subject(f"{simulator.base_url}/v1", model="sim-small")):
            whole = await examine(asked, KEY, today=TODAY, with_cache=True)
            found |= {finding.aspect for finding in whole.findings}
    assert {re.sub(r"^key in .*", "key in …", aspect) for aspect in found} == explained
