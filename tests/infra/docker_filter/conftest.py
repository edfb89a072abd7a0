"""The real filter in front of the small engine, started once; each test finds the engine as if just started."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.docker_filter.fake_engine import FakeEngine, run_engine
from tests.infra.docker_filter.running import Filter, run_filter


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("filter")


@pytest.fixture(scope="module")
def one_engine(folder: Path) -> Iterator[FakeEngine]:
    with run_engine(folder / "docker.sock") as engine:
        yield engine


@pytest.fixture(scope="module")
def docker_filter(one_engine: FakeEngine, folder: Path) -> Iterator[Filter]:
    with run_filter(folder / "docker.sock", folder) as running:
        yield running


@pytest.fixture
def engine(one_engine: FakeEngine) -> FakeEngine:
    one_engine.forget()
    return one_engine
