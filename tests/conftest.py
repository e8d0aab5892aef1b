"""Shared fixtures: the async backend, and the folder of reference data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.served import Served
    from tests.support.shown import Places

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data with recorded outputs, beside the checkout; tests that need it skip without it."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared with reference data")
    return SHARED


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    from tests.support.browser import open_browser

    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Places]]:
    """`evalmill view` over runs in every state, and the addresses of its pages."""
    from tests.support.shown import served_pages

    with served_pages(tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory, server: tuple[Served, Places]) -> Places:
    """Every page that evalmill makes: its address by a name that says which it is."""
    from tests.support.shown import write_pages

    return write_pages(tmp_path_factory.mktemp("shown")) | server[1]
