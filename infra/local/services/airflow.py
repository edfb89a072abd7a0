"""Airflow: API server and UI, scheduler, DAG processor and triggerer, on one Postgres database, tasks as local processes."""

import json
import os
import subprocess
from functools import partial
from threading import Lock

from infra.local.supervision.service import Part
from infra.platform.addresses import on_loopback
from infra.platform.environment import AIRFLOW_USER, airflow_variables, base_variables, local_variables
from infra.platform.errors import StackError
from infra.platform.http import check_url, read_json
from infra.platform.layout import REPOSITORY
from infra.platform.secrets import Secrets, write_private
from infra.platform.settings import Settings

PASSWORDS = "airflow_passwords.json"
PARTS = {"airflow-api": "", "airflow-scheduler": "scheduler", "airflow-dags": "dag_processor", "airflow-triggerer": "triggerer"}
"""Our names, and those of Airflow's own health report."""
COMMANDS = {
    "airflow-api": ("api-server",),
    # Task logs are read from the disk: a server of logs on every address, as by default, is not needed.
    "airflow-scheduler": ("scheduler", "--skip-serve-logs"),
    "airflow-dags": ("dag-processor",),
    "airflow-triggerer": ("triggerer", "--skip-serve-logs"),
}
SWEPT = {"airflow-api": "", "airflow-scheduler": "<idle>"}
"""The port's holder; and workers waiting for a scheduler that was killed. Those with a task in hand finish it."""
MIGRATING = Lock()


def airflow_uri(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.airflow_port}"


def airflow_parts(settings: Settings, secrets: Secrets, stamp: str) -> list[Part]:
    """Describe the four processes; they share one environment, which the tasks inherit."""
    python = str(settings.layout.python("airflow"))
    variables = local_airflow_variables(settings, secrets)
    return [
        Part(
            name=name,
            argv=(python, "-m", "airflow", *COMMANDS[name]),
            check=partial(check_component, settings, component),
            environment=variables,
            needs=("postgres",),
            ports=((settings.bind_address, "AIRFLOW_PORT", settings.airflow_port),) if name == "airflow-api" else (),
            url=airflow_uri(settings) if name == "airflow-api" else "",
            directory=REPOSITORY,
            prepare=partial(prepare_airflow, settings, secrets, stamp),
            environment_name="airflow",
            sweep=SWEPT.get(name),
            start_seconds=300,
        )
        for name, component in PARTS.items()
    ]


def local_airflow_variables(settings: Settings, secrets: Secrets) -> dict[str, str]:
    """Return Airflow's configuration and, since its local tasks inherit the environment, all the tasks' variables."""
    layout = settings.layout
    home, logs = layout.data / "airflow", layout.logs / "airflow"
    configuration = {
        "CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(layout.secrets / PASSWORDS),
        "API__HOST": settings.bind_address,
        "API__PORT": str(settings.airflow_port),
        "DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(home / "bundles"),
        "LOGGING__BASE_LOG_FOLDER": str(logs),
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(logs / "dag_processor"),
    }
    return {
        **local_variables("tasks", settings, secrets),
        **airflow_variables(secrets, on_loopback(settings), airflow_uri(settings)),
        **{f"AIRFLOW__{name}": value for name, value in configuration.items()},
        "AIRFLOW_HOME": str(home),
        "TASK_RUNNER": "process",
        "TASKS_PYTHON": str(layout.python("tasks")),
    }


def prepare_airflow(settings: Settings, secrets: Secrets, stamp: str) -> None:
    """Write the password file and bring the database to this release's schema, once a release; all four parts ask for it."""
    layout = settings.layout
    with MIGRATING:
        (layout.data / "airflow").mkdir(mode=0o700, exist_ok=True)
        write_private(layout.secrets / PASSWORDS, json.dumps({AIRFLOW_USER: secrets.read("airflow_password")}))
        done = layout.data / "airflow_schema"
        if done.exists() and done.read_text() == stamp:
            return
        command = [str(layout.python("airflow")), "-m", "airflow", "db", "migrate"]
        environment = {**base_variables(os.environ), **local_airflow_variables(settings, secrets)}
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise StackError(
                f"Airflow could not prepare its database: {(answer.stderr or answer.stdout).strip().splitlines()[-1]}"
            )
        done.write_text(stamp)


def check_component(settings: Settings, component: str) -> None:
    """Raise unless the process is well by Airflow's own report; for the API server, unless tasks could speak to it in time."""
    if not component:
        # The first request for tasks takes up to 40 s, theirs give up after 5: ask until it has been answered once.
        check_url(f"{airflow_uri(settings)}/execution/health", seconds=3)
        return
    health = read_json(f"{airflow_uri(settings)}/api/v2/monitor/health", seconds=3)[component]
    if health["status"] != "healthy":
        raise StackError(f"last heartbeat {health[f'latest_{component}_heartbeat']}")
