"""The doctor of a second host reads what it calls from the copied files, and names the first host's setting that is wrong."""

import socket
from pathlib import Path

import psycopg
import pytest
import requests
from typer.testing import CliRunner

from infra.cli import worker_doctor
from infra.cli.commands import platform as commands
from infra.cli.commands.app import app
from infra.cli.doctor import CHECKS, Finding
from infra.cli.worker_doctor import WORKER_CHECKS
from infra.compose import env_files
from infra.compose.containers import Containers
from infra.compose.env_files import write_env_files, write_worker_files
from infra.platform.errors import StackError
from infra.platform.settings import Settings


@pytest.fixture
def second_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Containers:
    """A home with the files that the first host, 10.0.0.1, wrote for it."""
    monkeypatch.setattr(env_files, "chosen_s3", lambda: None)
    monkeypatch.delenv("WORKER_HOSTNAME", raising=False)
    first, second = (Containers.load(Settings(_env_file=None, marquee_home=tmp_path / name)) for name in ("first", "second"))
    write_worker_files(first.settings, first.secrets, "10.0.0.1").rename(second.settings.layout.home / "compose")
    return second


@pytest.mark.parametrize(
    ("check", "address", "setting"),
    [
        (worker_doctor.check_queue, "10.0.0.1:6379", "BIND_STORES"),
        (worker_doctor.check_online_store, "10.0.0.1:6379", "BIND_STORES"),
        (worker_doctor.check_databases, "10.0.0.1:5432", "BIND_STORES"),
        (worker_doctor.check_bucket, "10.0.0.1:8333", "BIND_STORES"),
        (worker_doctor.check_sources, "10.0.0.1:8090", "BIND_STORES"),
        (worker_doctor.check_mlflow, "10.0.0.1:5000", "BIND_ADDRESS"),
        (worker_doctor.check_airflow, "10.0.0.1:8080", "BIND_ADDRESS"),
    ],
)
def test_what_does_not_answer_is_named_with_the_first_host_s_setting(
    second_host: Containers, monkeypatch: pytest.MonkeyPatch, check: object, address: str, setting: str
) -> None:
    def refuse(called: tuple[str, int], timeout: float) -> None:
        assert f"{called[0]}:{called[1]}" == address
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    assert check in WORKER_CHECKS.values()
    with pytest.raises(StackError, match=rf"^{address} does not answer .*: {setting} of the first host must be 10\.0\.0\.1"):
        check(second_host)  # type: ignore[operator]


def test_each_database_is_opened_as_the_tasks_and_the_worker_do(second_host: Containers, monkeypatch: pytest.MonkeyPatch) -> None:
    class Connection:
        def __enter__(self) -> "Connection":
            return self

        def __exit__(self, *error: object) -> None: ...

        def execute(self, statement: str) -> None: ...

    opened: list[str] = []

    def connect(url: str, connect_timeout: int) -> Connection:
        opened.append(url.partition(":")[0])
        return Connection()

    monkeypatch.setattr(worker_doctor, "check_open", lambda url, setting: "10.0.0.1:5432")
    monkeypatch.setattr(psycopg, "connect", connect)
    assert worker_doctor.check_databases(second_host) == "answers movies, receipts, feast, airflow at 10.0.0.1:5432"
    assert opened == ["postgresql"] * 4


def test_a_port_of_task_logs_that_does_not_answer_is_this_host_s_fault(
    second_host: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(session: requests.Session, url: str, timeout: float) -> None:
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "get", refuse)
    with pytest.raises(StackError, match=r"at http://airflow-worker:8793/ .*WORKER_HOSTNAME and BIND_STORES in \.env"):
        worker_doctor.check_task_logs(second_host)


@pytest.mark.parametrize("worker", [True, False])
def test_the_checks_are_those_of_the_host(
    second_host: Containers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, worker: bool
) -> None:
    platform = second_host
    if not worker:
        platform = Containers.load(Settings(_env_file=None, marquee_home=tmp_path / "whole"))
        write_env_files(platform.settings, platform.secrets)
    ran = {}
    monkeypatch.setattr(commands, "load_platform", lambda: platform)
    monkeypatch.setattr(commands, "examine", lambda on, checks: ran.update(checks) or [Finding("x", True, "", 0)])
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 0
    assert ran == (WORKER_CHECKS if worker else CHECKS)


def test_a_second_host_is_not_set_up_as_a_platform_over_its_files(second_host: Containers) -> None:
    with pytest.raises(StackError, match=r"was copied from the first host, for a worker: `docker compose --profile worker up"):
        write_env_files(second_host.settings, second_host.secrets)
    assert second_host.environment()["COMPOSE_PROFILES"] == "worker"
