"""Tests docker-compose.yml as Compose reads it, and the README's table about it."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.compose import env_files
from infra.compose.containers import ONCE
from infra.compose.env_files import write_env_files
from infra.platform.layout import REPOSITORY
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings
from tests.compose_services import read_services

COMPOSE = REPOSITORY / ".marquee" / "venvs" / "local" / "bin" / "docker-compose"
EVERYTHING = "core,s3,sources,worker,tools"


def read_config(home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "MARQUEE_HOME": str(home), "COMPOSE_PROFILES": EVERYTHING, **variables}
    command = [str(COMPOSE), "--env-file", os.devnull, "config", "--format", "json"]
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the files that `make secrets` writes."""
    monkeypatch.setattr(env_files, "chosen_s3", lambda: None)
    settings = Settings.model_validate({"marquee_home": tmp_path})
    settings.layout.make()
    write_env_files(settings, Secrets(settings.layout.secrets))
    return tmp_path


def services(home: Path, **variables: str) -> dict[str, Any]:
    read = read_config(home, **variables)
    assert read.returncode == 0, read.stderr
    found: dict[str, Any] = json.loads(read.stdout)["services"]
    return found


def test_compose_takes_the_files(home: Path) -> None:
    assert {"postgres", "redis", "s3", "mlflow", "airflow-api", "docker-filter", "api"} <= set(services(home))


def test_compose_refuses_to_start_without_secrets(tmp_path: Path) -> None:
    read = read_config(tmp_path)
    assert read.returncode != 0
    assert re.search(r"compose/\w+\.env not found", read.stderr)


def test_a_second_host_runs_the_worker_and_its_filter_alone(home: Path) -> None:
    assert set(services(home, COMPOSE_PROFILES="worker")) == {"airflow-worker", "docker-filter", "tasks"}


def test_our_images_are_built_and_never_pulled(home: Path) -> None:
    for profiles in ("core,s3,sources", "worker", EVERYTHING):
        found = services(home, COMPOSE_PROFILES=profiles)
        ours = {name: service for name, service in found.items() if service["image"].startswith("marquee/")}
        images = {service["image"] for service in ours.values()}
        assert images >= {"marquee/tasks:dev", "marquee/airflow:dev", "marquee/support:dev"}
        assert [name for name, service in ours.items() if "build" not in service] == []


def test_only_the_api_server_has_the_users_password(home: Path) -> None:
    told = {name for name, service in services(home).items() if "AIRFLOW_ADMIN_PASSWORD" in (service.get("environment") or {})}
    assert told == {"airflow-api"}


def test_an_image_can_be_pinned_by_its_digest(home: Path) -> None:
    digest = f"sha256:{'0' * 64}"
    assert services(home, POSTGRES_DIGEST=digest)["postgres"]["image"] == f"postgres:18.6@{digest}"


def test_ports_are_published_on_loopback_by_default(home: Path) -> None:
    def addresses(**variables: str) -> set[str]:
        found = services(home, **variables).values()
        return {port["host_ip"] for service in found for port in service.get("ports", [])}

    assert addresses() == {"127.0.0.1"}
    opened = services(home, BIND_ADDRESS="10.0.0.1")
    assert {name for name in opened for port in opened[name].get("ports", []) if port["host_ip"] == "10.0.0.1"} == {
        "api",
        "mlflow",
        "airflow-api",
    }


def test_only_the_scheduler_and_the_worker_get_the_tasks_variables(home: Path) -> None:
    told = {name for name, service in services(home).items() if "MOVIES_DATABASE_URL" in (service.get("environment") or {})}
    assert told == {"airflow-scheduler", "airflow-worker", "feast", "replay", "rollback"}


def test_the_api_meets_postgres_and_s3_in_a_network_where_nothing_else_is(home: Path) -> None:
    where = {name: set(service["networks"]) for name, service in services(home).items()}
    assert where["api"] == {"online", "records"}
    assert {name for name, networks in where.items() if "records" in networks} == {"api", "postgres", "s3"}
    assert {name for name, networks in where.items() if "online" in networks} == {"api", "redis", "mlflow"}


def test_the_api_waits_for_no_other_service(home: Path) -> None:
    """It answers from its own disk, so a store that does not come up must not keep it down."""
    found = services(home)
    assert "depends_on" not in found["api"]
    assert "depends_on" in found["airflow-scheduler"], "Compose prints the needs of others"


def test_the_readme_s_table_is_that_of_compose(home: Path) -> None:
    told = {}
    for row in re.findall(r"^\| (`.+?) \| (.+?) \| (.+?) \| (.+?) \|$", (REPOSITORY / "README.md").read_text(), re.MULTILINE):
        for name in re.findall(r"`([a-z][a-z0-9-]+)`", row[0]):
            told[name] = (set(re.findall(r"\b(\d{4,5})\b", row[1])), row[2], set(re.findall(r"`([a-z0-9]+)`", row[3])))
    profiles = {name: set(body["profiles"]) for name, body in read_services().items()}
    shown = services(home)
    assert set(told) == set(shown) - set(ONCE)
    for name, (ports, image, said) in told.items():
        if name not in {"airflow-scheduler", "airflow-dags", "airflow-triggerer"}:  # one row with airflow-api
            assert ports == {port["published"] for port in shown[name].get("ports", [])}, name
        assert image.strip("`") in {shown[name]["image"], shown[name]["image"].removesuffix(":dev")}, name
        assert profiles[name] <= said, name
