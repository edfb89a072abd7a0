"""Tests that no secret of the platform appears in Airflow, in the engine's descriptions, or in the records of a run."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.containers.platform import ContainerPlatform
from tests.containers.task_containers import TaskContainers

pytestmark = pytest.mark.containers
CONTROL = "marquee:x:10001"
"""Stands in a layer of each image."""
IMAGES = ("airflow", "tasks", "mlflow", "serving", "support")


@pytest.fixture(scope="module")
def secrets(containers_platform: ContainerPlatform) -> list[str]:
    """All of them."""
    folder = containers_platform.settings.layout.secrets
    found = [path.read_text().strip() for path in folder.iterdir() if path.suffix != ".json"]
    assert len(found) >= 10
    return found


def read_all(platform: ContainerPlatform) -> Iterator[tuple[str, str]]:
    """Everything that Airflow's API tells of the DAGs and their runs: (address, text)."""
    airflow = platform.airflow
    for path in ("dags", "config", "variables", "connections", "importErrors", "eventLogs?limit=100", "plugins"):
        yield path, airflow.ask("GET", path).text
    for dag in airflow.read_dags():
        for path in (f"dags/{dag}", f"dags/{dag}/details", f"dags/{dag}/tasks", f"dagSources/{dag}"):
            yield path, airflow.ask("GET", path).text
        for run in airflow.read(f"dags/{dag}/dagRuns", limit=20)["dag_runs"]:
            base = f"dags/{dag}/dagRuns/{run['dag_run_id']}/taskInstances"
            answer = airflow.ask("GET", base)
            yield base, answer.text
            for task in answer.json()["task_instances"]:
                if task["try_number"]:
                    yield f"{base}/{task['task_id']}", airflow.ask("GET", f"{base}/{task['task_id']}").text
                    path = f"{base}/{task['task_id']}/logs/{task['try_number']}"
                    yield path, airflow.ask("GET", path, params={"full_content": "true"}).text


def test_airflow_shows_no_secret(
    containers_platform: ContainerPlatform, secrets: list[str], task_containers: TaskContainers
) -> None:
    """Rendered fields, DAG code, task logs, configuration."""
    told = dict(read_all(containers_platform))
    assert any("/logs/" in path and "tasks." in text for path, text in told.items()), "the logs were read"
    assert any("rendered_fields" in text and "tasks.build_features" in text for text in told.values()), "so were fields"
    assert [path for path, text in told.items() if any(secret in text for secret in secrets)] == []


def test_labels_and_commands_of_containers_hold_no_secret(secrets: list[str], task_containers: TaskContainers) -> None:
    assert len(task_containers.inspected) >= 7
    for shown in task_containers.inspected:
        config = shown["Config"]
        text = json.dumps([config["Labels"], config["Cmd"], config["Entrypoint"], shown["Args"], shown["Path"], shown["Name"]])
        assert config["Labels"]["marquee.task"]
        assert not [secret for secret in secrets if secret in text]
    given = json.dumps([shown["Config"]["Env"] for shown in task_containers.inspected])
    assert any(secret in given for secret in secrets), "the search would find one: the tasks' variables hold them"


def test_airflow_s_records_of_runs_hold_no_secret(containers_platform: ContainerPlatform, secrets: list[str]) -> None:
    """The files of the task logs, the DAGs as Airflow stored them, and the services' own logs."""
    scheduler = containers_platform.service("airflow-scheduler")
    code, logs = scheduler.exec_run(["sh", "-c", "find /opt/airflow/logs -type f -exec cat {} +"])
    assert code == 0
    assert b"tasks." in logs
    postgres = containers_platform.service("postgres")
    dump = "copy (select t::text from {} t) to stdout"
    tables = ("serialized_dag", "dag_code", "rendered_task_instance_fields", "xcom", "log", "dag_run", "task_instance")
    rows = [postgres.exec_run(["psql", "-U", "postgres", "-d", "airflow", "-c", dump.format(table)]) for table in tables]
    assert [row.output for row in rows if row.exit_code] == []
    own = b"".join(containers_platform.service(name).logs() for name in containers_platform.containers.names())
    for place in (logs, own, *(row.output for row in rows)):
        assert not [secret for secret in secrets if secret.encode() in place]


@pytest.mark.parametrize("name", IMAGES)
def test_no_layer_of_an_image_holds_a_secret(
    containers_platform: ContainerPlatform, secrets: list[str], name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wanted = tmp_path_factory.mktemp("canaries") / "secrets"
    wanted.write_text("\n".join([*secrets, CONTROL]) + "\n")
    command = f"docker save marquee/{name}:test | grep --text --only-matching --fixed-strings --file {wanted} | sort --unique"
    found = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout.split()
    assert found == [CONTROL], "the layers were read, and no secret is in them"
