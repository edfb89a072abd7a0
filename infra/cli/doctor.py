"""The doctor: each part as its users meet it, and whether a film's rating can be predicted now."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import requests

from infra.cli.airflow_client import AirflowClient
from infra.cli.first_run import ALIAS, MODEL, REFRESH, TRAIN, find_champion
from infra.cli.predictions import fetch_prediction, find_movie
from infra.local.services.airflow import PARTS, airflow_uri
from infra.local.services.feast import read_pointer
from infra.local.services.postgres import ROLES, check_postgres
from infra.local.services.seaweedfs import BUCKET, connect_s3, round_trip
from infra.local.services.valkey import USERS, check_redis
from infra.platform.environment import mlflow_uri
from infra.platform.errors import StackError
from infra.platform.http import check_url, read_json
from infra.platform.protocol import Platform


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    check: str
    well: bool
    detail: str
    seconds: float


def examine(platform: Platform) -> list[Finding]:
    """Make every check, whatever the others found."""
    checks: dict[str, Callable[[Platform], str]] = {
        "processes": check_processes,
        "postgres": check_roles,
        "s3": check_round_trip,
        "redis": check_users,
        "mlflow": check_mlflow,
        "airflow": check_airflow,
        "dags": check_dags,
        "feature store": check_feature_store,
        "champion": check_champion,
        "prediction": check_prediction,
        "api ports": check_api_ports,
    }
    return [examine_one(platform, name, check) for name, check in checks.items()]


def examine_one(platform: Platform, name: str, check: Callable[[Platform], str]) -> Finding:
    start = time.monotonic()
    try:
        well, detail = True, check(platform)
    except Exception as error:  # noqa: BLE001  # a check may fail in any way; each way is a finding
        said = str(error).strip() or type(error).__name__
        well, detail = False, said if isinstance(error, StackError) else f"{type(error).__name__}: {said.splitlines()[0]}"
    return Finding(name, well, detail, time.monotonic() - start)


def check_processes(platform: Platform) -> str:
    states, names = platform.states(), platform.names()
    stopped = [name for name in names if states.get(name) != "RUNNING"]
    if stopped:
        raise StackError(f"not running: {', '.join(stopped)}; `make up` starts them")
    return f"{len(names)} running"


def check_roles(platform: Platform) -> str:
    for role in ROLES:
        check_postgres(platform.settings, platform.secrets, role)
    return f"answers {', '.join(ROLES)}, each in its own database"


def check_round_trip(platform: Platform) -> str:
    round_trip(connect_s3(platform.settings, platform.secrets))  # as the tasks, not as the administrator
    return f"put, got and deleted an object in {BUCKET}"


def check_users(platform: Platform) -> str:
    for user in USERS:
        check_redis(platform.settings, platform.secrets, user)
    return f"answers {' and '.join(USERS)}"


def check_mlflow(platform: Platform) -> str:
    uri = mlflow_uri(platform.settings)
    check_url(f"{uri}/health")
    read_json(f"{uri}/api/2.0/mlflow/registered-models/search?max_results=1")
    return "healthy, and its database answers"


def check_airflow(platform: Platform) -> str:
    health = read_json(f"{airflow_uri(platform.settings)}/api/v2/monitor/health", seconds=20)
    components = ["metadatabase", *filter(None, PARTS.values())]
    ill = [name for name in components if health[name]["status"] != "healthy"]
    if ill:
        raise StackError(f"not healthy: {', '.join(ill)}")
    return f"{', '.join(components)} healthy"


def check_dags(platform: Platform) -> str:
    client = AirflowClient(platform.settings, platform.secrets)
    errors, dags = client.read_import_errors(), client.read_dags()
    if errors:
        raise StackError("; ".join(errors))
    if not {REFRESH, TRAIN} <= set(dags):
        raise StackError(f"Airflow knows {', '.join(dags) or 'no DAG'}, wanted {REFRESH} and {TRAIN}")
    return f"{', '.join(dags)} imported without errors"


def check_feature_store(platform: Platform) -> str:
    pointer = read_pointer(platform.settings, platform.secrets)
    if pointer is None:
        raise StackError(f"no feature set is published; `make run DAG={REFRESH}`")
    return f"{pointer['feature_set']}: {pointer['movies']:,} films of {pointer['day']}"


def check_champion(platform: Platform) -> str:
    version = find_champion(platform)
    if version is None:
        raise StackError(f"no version of {MODEL} has the alias {ALIAS}; `make run DAG={TRAIN}`")
    return f"{MODEL} version {version['version']}"


def check_api_ports(platform: Platform) -> str:
    """Something listens for gRPC, and on a port of metrics that a worker may have: while one follows another there are two."""
    settings = platform.settings
    try:
        socket.create_connection(("127.0.0.1", settings.grpc_port), timeout=3).close()
    except OSError as error:
        raise StackError(f"GRPC_PORT {settings.grpc_port} does not answer ({error}); `make logs SERVICE=api`") from error
    first = settings.metrics_port
    for port in range(first, first + 2 * settings.api_workers):
        try:
            check_url(f"http://127.0.0.1:{port}/metrics")
        except requests.RequestException:
            continue
        return f"gRPC on {settings.grpc_port}, metrics on {port}"
    raise StackError(f"no metrics on METRICS_PORT {first} or the ports after it; `make logs SERVICE=api`")


def check_prediction(platform: Platform) -> str:
    movie = find_movie(platform.settings, platform.secrets)
    try:
        body = fetch_prediction(platform.settings, movie)
    except requests.RequestException as error:
        raise StackError(f"the API does not answer ({type(error).__name__}); `make logs SERVICE=api`") from error
    return f"{body['movie_id']} {body.get('title')!r}: {body['rating']:.2f}"
