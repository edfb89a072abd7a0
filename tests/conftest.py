"""Unit tests run with sockets off; only tests marked integration or e2e meet real servers."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Before numpy, polars or scikit-learn load: threads that fight for two cores make small fits ten times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("POLARS_MAX_THREADS", "1")
# Airflow reads its settings when it is imported: a home of its own, and no database.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="marquee-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "True"

import prometheus_client  # noqa: F401  # before Feast, whose import turns it to files shared by processes
import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import disable_socket, enable_socket

from infra.local.services.postgres_paths import remove_cluster
from infra.local.stack import Stack
from infra.platform.settings import Settings
from tests.minutes import pytest_terminal_summary  # noqa: F401  # pytest calls it

# `too_slow` is a timed assertion: on a busy machine a fresh clone's first text takes longer than it allows.
settings.register_profile("marquee", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("marquee")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if any(item.get_closest_marker(name) for name in ("integration", "e2e", "containers")):
        enable_socket()
    else:
        disable_socket(allow_unix_socket=True)


def pytest_runtest_teardown() -> None:
    enable_socket()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Postgres, Valkey, S3 and MLflow of the embedded stack, in a home of their own on free ports."""
    with started_stack(tmp_path_factory.mktemp("home")) as servers:
        yield servers


@pytest.fixture(scope="session")
def sample_fingerprints() -> dict[str, Any]:
    """Return the output of `tests.e2e.fingerprint` for an embedded platform on the sample, by day, to compare one in containers.

    An idle platform takes a fifth of a core, so that none is kept up until then.
    """
    return {}


@contextmanager
def started_stack(home: Path, names: tuple[str, ...] = ("postgres", "redis", "s3", "mlflow")) -> Iterator[Stack]:
    """The same for a module that publishes, and so must not meet what another has published."""
    # No server of sources runs here to tell the day of the sample's world; with a folder as the source, the day is today.
    servers = Stack.load(Settings.trial(home, sources=str(home)))
    try:
        servers.start(names)
        yield servers
    finally:
        servers.stop()
        remove_cluster(servers.settings.layout)
