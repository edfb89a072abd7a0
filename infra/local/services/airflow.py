"""Airflow: API server with UI, scheduler, DAG processor and triggerer on one Postgres database. Tasks are local processes."""

import json
import os
import subprocess
from collections.abc import Mapping
from functools import partial
from threading import Lock

from infra.local.services.mlflow import last_line
from infra.local.supervision.service import Service
from infra.platform.accounts import AIRFLOW_USER
from infra.platform.connections import check_url, read_json
from infra.platform.endpoints import Endpoint, Endpoints
from infra.platform.environment import base_variables
from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY, Layout, make_folder, read_state, write_state
from infra.platform.secrets import Secrets, write_private
from infra.platform.server_environment import airflow_variables

COMPONENTS = {
    "airflow-api": "",
    "airflow-scheduler": "scheduler",
    "airflow-dags": "dag_processor",
    "airflow-triggerer": "triggerer",
}
"""Our name of each Airflow service -> its name in Airflow's health report."""
COMMANDS = {
    "airflow-api": ("api-server",),
    # Task logs are read from the disk, so Airflow's log server, which listens on every address, is not needed.
    "airflow-scheduler": ("scheduler", "--skip-serve-logs"),
    "airflow-dags": ("dag-processor",),
    "airflow-triggerer": ("triggerer", "--skip-serve-logs"),
}
NEEDS = {"airflow-scheduler": ("postgres", "airflow-api")}
"""A task reports to the API server; one that the scheduler starts before the server answers fails without a line in its log."""
SWEPT = {"airflow-api": "", "airflow-scheduler": "<idle>"}
"""Children to end before a start: any of the API server, and a killed scheduler's idle workers. Busy workers finish."""
MIGRATION = Lock()


def airflow_services(layout: Layout, endpoints: Endpoints, tasks: Mapping[str, str], stamp: str) -> list[Service]:
    """Return the four services. They share one environment; local tasks inherit it, so it includes the tasks' variables."""
    endpoint = endpoints.airflow
    variables = {**tasks, **local_airflow_variables(layout, endpoints)}
    return [
        Service(
            name=name,
            argv=(str(layout.python("airflow")), "-m", "airflow", *COMMANDS[name]),
            check=partial(check_component, endpoint, component),
            environment=variables,
            needs=NEEDS.get(name, ("postgres",)),
            listens=(endpoint,) if name == "airflow-api" else (),
            url=endpoint.url if name == "airflow-api" else "",
            directory=REPOSITORY,
            prepare=partial(prepare_airflow, layout, endpoints.secrets, variables, stamp),
            environment_name="airflow",
            sweep=SWEPT.get(name),
            start_seconds=300,
        )
        for name, component in COMPONENTS.items()
    ]


def local_airflow_variables(layout: Layout, endpoints: Endpoints) -> dict[str, str]:
    """Return Airflow's configuration in the embedded stack."""
    home, logs = layout.data / "airflow", layout.logs / "airflow"
    configuration = {
        "CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(layout.airflow_passwords),
        "API__HOST": endpoints.airflow.bind,
        "API__PORT": str(endpoints.airflow.port),
        "DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(home / "bundles"),
        "LOGGING__BASE_LOG_FOLDER": str(logs),
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(logs / "dag_processor"),
    }
    return {
        **airflow_variables(endpoints),
        **{f"AIRFLOW__{name}": value for name, value in configuration.items()},
        "AIRFLOW_HOME": str(home),
        "TASK_RUNNER": "process",
        "TASKS_PYTHON": str(layout.python("tasks")),
    }


def prepare_airflow(layout: Layout, secrets: Secrets, variables: Mapping[str, str], stamp: str) -> None:
    """Write the password file and migrate the database once per release. All four services call this."""
    with MIGRATION:
        make_folder(layout.data / "airflow", 0o700)
        write_private(layout.airflow_passwords, json.dumps({AIRFLOW_USER: secrets.read("airflow_password")}))
        done = layout.data / "airflow_schema"
        if read_state(done) == stamp:
            return
        command = [str(layout.python("airflow")), "-m", "airflow", "db", "migrate"]
        environment = {**base_variables(os.environ), **variables}
        migration = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if migration.returncode:
            raise StackError(f"Airflow could not prepare its database: {last_line(migration)}")
        write_state(done, stamp)


def check_component(endpoint: Endpoint, component: str) -> None:
    """Raise unless Airflow's health report says healthy or, for the API server, unless it answers a task's request in time."""
    if not component:
        # The first such request takes up to 40 s, but tasks give up after 5 s. Repeat it until it has been answered once.
        check_url(f"{endpoint.url}/execution/health", seconds=3)
        return
    health = read_json(f"{endpoint.url}/api/v2/monitor/health", seconds=3)[component]
    if health["status"] != "healthy":
        raise StackError(f"last heartbeat {health[f'latest_{component}_heartbeat']}")
