"""The doctor: checks each service as its users use it, and predicts a movie's rating."""

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import requests

from infra.cli.airflow_client import AirflowClient
from infra.cli.first_run import REFRESH, TRAIN
from infra.cli.predictions import explain_no_deployment, fetch_prediction, read_any_movie, scan_movies
from infra.local.services.airflow import COMPONENTS
from infra.local.services.seaweedfs import round_trip
from infra.platform.accounts import BUCKET, DATABASE_ROLES, REDIS_USERS
from infra.platform.connections import (
    check_postgres,
    check_redis,
    check_url,
    connect_s3,
    local_session,
    read_json,
    read_pointer,
)
from infra.platform.errors import StackError
from infra.platform.protocol import Platform

ALIAS = "champion"


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    check: str
    ok: bool
    detail: str
    seconds: float


def examine(platform: Platform, checks: Mapping[str, Callable[[Platform], str]]) -> list[Finding]:
    """Run every check, even if others fail, and return the findings."""
    return [examine_one(platform, name, check) for name, check in checks.items()]


def examine_one(platform: Platform, name: str, check: Callable[[Platform], str]) -> Finding:
    start = time.monotonic()
    try:
        ok, detail = True, check(platform)
    except Exception as error:  # noqa: BLE001  # a check may raise any error, and each becomes a finding
        text = str(error).strip() or type(error).__name__
        ok, detail = False, text if isinstance(error, StackError) else f"{type(error).__name__}: {text.splitlines()[0]}"
    return Finding(name, ok, detail, time.monotonic() - start)


def check_processes(platform: Platform) -> str:
    states, names = platform.states(), platform.names()
    stopped = [name for name in names if states.get(name) != "RUNNING"]
    if stopped:
        raise StackError(f"not running: {', '.join(stopped)}; `{platform.start_command}` starts them")
    return f"{len(names)} running"


def check_roles(platform: Platform) -> str:
    for role in DATABASE_ROLES:
        check_postgres(platform.endpoints, role)
    return f"answers {', '.join(DATABASE_ROLES)}, each in its own database"


def check_round_trip(platform: Platform) -> str:
    round_trip(connect_s3(platform.endpoints))  # with the keys of the tasks, not the administrator's
    return f"put, got and deleted an object in {BUCKET}"


def check_users(platform: Platform) -> str:
    for user in REDIS_USERS:
        check_redis(platform.endpoints, user)
    return f"answers {' and '.join(REDIS_USERS)}"


def check_mlflow(platform: Platform) -> str:
    url = platform.endpoints.mlflow.url
    check_url(f"{url}/health")
    read_json(f"{url}/api/2.0/mlflow/registered-models/search?max_results=1")
    return "healthy, and its database answers"


def check_airflow(platform: Platform) -> str:
    health = read_json(f"{platform.endpoints.airflow.url}/api/v2/monitor/health", seconds=20)
    components = ["metadatabase", *filter(None, COMPONENTS.values())]
    unhealthy = [name for name in components if health[name]["status"] != "healthy"]
    if unhealthy:
        raise StackError(f"not healthy: {', '.join(unhealthy)}")
    return f"{', '.join(components)} healthy"


def check_dags(platform: Platform) -> str:
    client = AirflowClient(platform.endpoints)
    errors, dags = client.read_import_errors(), client.read_dags()
    if errors:
        raise StackError("; ".join(errors))
    if not {REFRESH, TRAIN} <= set(dags):
        raise StackError(f"Airflow knows {', '.join(dags) or 'no DAG'}, wanted {REFRESH} and {TRAIN}")
    return f"{', '.join(dags)} imported without errors"


def check_deployment(platform: Platform) -> str:
    pointer = read_pointer(platform.endpoints)
    if pointer is None:
        raise StackError(explain_no_deployment(platform.endpoints))
    model, features = pointer["model"], pointer["features"]
    name, published = features["feature_set"], int(features["movies"])
    held = sum(1 for _ in scan_movies(platform.endpoints, name))
    if held < published:
        raise StackError(
            f"Redis holds {held:,} of the {published:,} movies of {name}; `make run DAG=reconcile` restores it. If that does not"
            " help, the offline store has lost its snapshot, and `make run DAG=refresh_movies` publishes the features again"
        )
    return f"{pointer['deployment']}: {model['name']} version {model['version']}, {held:,} movies of {features['day']} in {name}"


def check_alias(platform: Platform) -> str:
    """Check that MLflow has the live version, and that the alias names it. The DAG reconcile sets the alias within minutes."""
    pointer = read_pointer(platform.endpoints)
    if pointer is None:
        raise StackError(explain_no_deployment(platform.endpoints))
    name, live = pointer["model"]["name"], pointer["model"]["version"]
    if fetch_version(platform, "model-versions/get", name=name, version=live) is None:
        raise StackError(
            f"version {live} is live, and MLflow no longer has it: `make run DAG=train_model` makes another one, or"
            " `.marquee/bin/marquee rollback --reason TEXT` goes back to the deployment before"
        )
    alias = fetch_version(platform, "registered-models/alias", name=name, alias=ALIAS)
    if alias != live:
        raise StackError(
            f"version {live} is live, and MLflow's alias {ALIAS} names {f'version {alias}' if alias else 'none'}: "
            f"`make run DAG=reconcile` sets the alias, and its task reconcile_deployment logs the reason"
        )
    return f"MLflow's alias {ALIAS} names version {live}, as the live deployment does"


def fetch_version(platform: Platform, path: str, **params: str) -> str | None:
    """Return the model version that MLflow answers; None if it has no such version or alias."""
    with local_session() as session:
        answer = session.get(f"{platform.endpoints.mlflow.url}/api/2.0/mlflow/{path}", params=params, timeout=10)
    if answer.status_code in {requests.codes.not_found, requests.codes.bad_request}:
        return None
    answer.raise_for_status()
    return str(answer.json()["model_version"]["version"])


def check_api_ports(platform: Platform) -> str:
    """Check the gRPC port and the metrics port, which all workers share."""
    grpc, metrics = platform.endpoints.grpc, platform.endpoints.metrics
    try:
        socket.create_connection((grpc.host, grpc.port), timeout=3).close()
    except OSError as error:
        raise StackError(f"GRPC_PORT {grpc.port} does not answer ({error}); `make logs SERVICE=api`") from error
    try:
        check_url(f"http://{metrics.host}:{metrics.port}/metrics")
    except requests.RequestException as error:
        raise StackError(f"METRICS_PORT {metrics.port} does not answer ({error}); `make logs SERVICE=api`") from error
    return f"gRPC on {grpc.port}, metrics on {metrics.port}"


def check_prediction(platform: Platform) -> str:
    movie = read_any_movie(platform.endpoints)
    try:
        body = fetch_prediction(platform.endpoints, movie)
    except requests.RequestException as error:
        raise StackError(f"the API does not answer ({type(error).__name__}); `make logs SERVICE=api`") from error
    return f"{body['movie_id']} {body.get('title')!r}: {body['rating']:.2f}"


CHECKS: dict[str, Callable[[Platform], str]] = {
    "processes": check_processes,
    "postgres": check_roles,
    "s3": check_round_trip,
    "redis": check_users,
    "mlflow": check_mlflow,
    "airflow": check_airflow,
    "dags": check_dags,
    "deployment": check_deployment,
    "champion": check_alias,
    "prediction": check_prediction,
    "api ports": check_api_ports,
}
"""The checks of a whole platform, in the order of the table."""
