"""Servers with faults of the test's choice."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from infra.sources.faults import Fault, FaultyApp
from infra.sources.server import create_app
from tasks.io.tmdb.client import Tmdb
from tasks.io.tmdb.http import Transport
from tests.infra.sources.folder import write_folder
from tests.infra.sources.running import run_app
from tests.tasks.io.tmdb.source import CHANGES_DAY, MOVIES, TOKEN, Source, Start


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a server with faults (path -> faults); pauses between tries shrink to a hundredth."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("random.uniform", lambda low, high: (low + high) / 200)
    with ExitStack() as running:

        def start_one(faults: dict[str, list[Fault]] | None = None, rate: float = 1e9, token: str = TOKEN) -> Source:
            changes = [((CHANGES_DAY + timedelta(days=n % 40)).isoformat(), 1000 + n) for n in range(450)]
            app = create_app(write_folder(tmp_path / "source", MOVIES, changes), token=TOKEN, faults=faults or {})
            assert isinstance(app, FaultyApp)
            base_url = running.enter_context(run_app(app))
            tmdb = running.enter_context(Tmdb(Transport(base_url, token, 8), rate))
            return Source(app, tmdb, base_url)

        yield start_one
