"""Tests that supervisord's configuration and `ps` show no secret, in any part, under any path."""

import configparser
import shlex
import subprocess
from pathlib import Path

import pytest

from infra.local.stack import Stack
from infra.local.supervision.supervisor import MAX_SOCKET_PATH, Supervisor
from infra.local.supervision.supervisor_config import render_script
from infra.platform.settings import Settings


@pytest.fixture(params=["home", "spaced \"quoted\" %(x)s 'home' 집", "h" * 120])
def stack(tmp_path: Path, request: pytest.FixtureRequest) -> Stack:
    return Stack.load(Settings(_env_file=None, marquee_home=tmp_path / request.param))


def test_no_secret_in_configuration_or_command_line(stack: Stack) -> None:
    stack.supervisor.write(stack.services.values(), {})
    values = [path.read_text().strip() for path in stack.settings.layout.secrets.iterdir() if path.suffix != ".json"]
    assert len(values) > 10
    words = [word for service in stack.services.values() for word in service.argv]
    shown = (stack.settings.layout.run / "supervisord.conf").read_text() + " ".join(words)
    assert not [value for value in values if value in shown]


def test_files_are_private(stack: Stack) -> None:
    stack.supervisor.write(stack.services.values(), {})
    run = stack.settings.layout.run
    modes = {path.stat().st_mode & 0o777 for path in (run / "supervisord.conf", *(run / "services").iterdir())}
    assert modes == {0o600}


def test_configuration_parses_whatever_the_path(stack: Stack) -> None:
    stack.supervisor.write(stack.services.values(), {})
    parser = configparser.RawConfigParser()
    parser.read(stack.settings.layout.run / "supervisord.conf")
    assert {f"program:{name}" for name in stack.services} <= set(parser.sections())
    assert len(bytes(Supervisor(stack.settings.layout).socket)) <= MAX_SOCKET_PATH


def test_script_keeps_every_word(stack: Stack) -> None:
    service = stack.services["redis"]
    last = render_script(service, stack.settings.layout).splitlines()[-1]
    assert shlex.split(last) == ["exec", *service.argv]


def test_scripts_are_valid_shell(stack: Stack) -> None:
    stack.supervisor.write(stack.services.values(), {})
    for script in (stack.settings.layout.run / "services").iterdir():
        subprocess.run(["/bin/sh", "-n", str(script)], check=True)


def test_needs_come_first(stack: Stack) -> None:
    order = stack.with_needs(["airflow-scheduler", "mlflow"])
    assert order == ["postgres", "airflow-api", "airflow-scheduler", "s3", "mlflow"]


def test_task_variables_reach_airflow_but_its_keys_not_the_tasks(stack: Stack) -> None:
    tasks = stack.environment("tasks")
    airflow = stack.services["airflow-scheduler"].environment
    assert {name for name in airflow if not name.startswith("AIRFLOW")} >= {"MOVIES_DATABASE_URL", "FEAST_REDIS", "TASKS_PYTHON"}
    assert not [name for name in tasks if name.startswith("AIRFLOW")]
