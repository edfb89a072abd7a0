"""The doctor of a second host: its own two services, and all that its tasks call on the first host."""

import re
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import boto3
import psycopg
import redis
import requests
from botocore.config import Config
from dotenv import dotenv_values

from infra.cli.doctor import check_processes
from infra.compose.env_files import env_folder
from infra.platform.connections import check_url, local_session, read_json
from infra.platform.errors import StackError
from infra.platform.protocol import Platform
from infra.platform.settings import read_environment


def read_variables(platform: Platform) -> dict[str, str]:
    """Return the variables of the worker and its tasks, from the files that were copied from the first host."""
    folder = env_folder(platform.settings)
    read = {**dotenv_values(folder / "airflow.env"), **dotenv_values(folder / "tasks.env")}
    return {name: value for name, value in read.items() if value is not None}


def check_open(url: str, setting: str) -> str:
    """Return the URL's host:port. Raise StackError, naming the first host's setting of that address, if nothing listens there."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((host, port), timeout=3).close()
    except OSError as error:
        raise StackError(
            f"{host}:{port} does not answer ({error}): {setting} of the first host must be {host}, and the port open to this host"
        ) from error
    return f"{host}:{port}"


def check_task_logs(platform: Platform) -> str:
    """Check the port at which the first host reads the logs of this host's tasks."""
    variables = read_environment()
    name, port = variables.get("WORKER_HOSTNAME", "airflow-worker"), variables.get("WORKER_LOG_PORT", "8793")
    url = f"http://{name}:{port}/"
    try:
        with local_session() as session:
            session.get(url, timeout=5)  # any answer: the log server answers 404 to a request for no log
    except requests.RequestException as error:
        raise StackError(
            f"nothing answers at {url} ({type(error).__name__}): WORKER_HOSTNAME and BIND_STORES in .env must be this host's "
            f"private address, and WORKER_LOG_PORT the port of both hosts"
        ) from error
    return f"served at {url}"


def check_queue(platform: Platform) -> str:
    return check_redis(read_variables(platform)["AIRFLOW__CELERY__BROKER_URL"])


def check_online_store(platform: Platform) -> str:
    address, *options = read_variables(platform)["FEAST_REDIS"].split(",")
    login = dict(option.split("=", 1) for option in options)
    return check_redis(f"redis://{login['username']}:{login['password']}@{address}/0")


def check_redis(url: str) -> str:
    address = check_open(url, "BIND_STORES")
    with redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3) as client:
        client.ping()
    return f"{urlsplit(url).username} is logged in at {address}"


def check_databases(platform: Platform) -> str:
    names = ("MOVIES_DATABASE_URL", "RECEIPTS_DATABASE_URL", "FEAST_REGISTRY_URL", "AIRFLOW__CELERY__RESULT_BACKEND")
    variables = read_variables(platform)
    address, roles = "", []
    for name in names:
        url = re.sub(r"^(db\+)?postgresql(\+\w+)?:", "postgresql:", variables[name])  # without SQLAlchemy's driver
        address = check_open(url, "BIND_STORES")
        with psycopg.connect(url, connect_timeout=3) as connection:
            connection.execute("select 1")
        roles.append(urlsplit(url).username or "")
    return f"answers {', '.join(roles)} at {address}"


def check_bucket(platform: Platform) -> str:
    variables = read_variables(platform)
    address = check_open(variables["AWS_ENDPOINT_URL_S3"], "BIND_STORES")
    client = boto3.client(
        "s3",
        endpoint_url=variables["AWS_ENDPOINT_URL_S3"],
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}, proxies={}),
    )
    client.list_objects_v2(Bucket=variables["S3_BUCKET"], MaxKeys=1)
    return f"lists {variables['S3_BUCKET']} at {address}"


def check_mlflow(platform: Platform) -> str:
    url = read_variables(platform)["MLFLOW_TRACKING_URI"]
    address = check_open(url, "BIND_ADDRESS")
    try:
        read_json(f"{url}/api/2.0/mlflow/registered-models/search?max_results=1")
    except requests.HTTPError as error:
        raise StackError(f"{error}: MLFLOW_ALLOWED_HOSTS of the first host must have {address}") from error
    return f"answers at {address}"


def check_airflow(platform: Platform) -> str:
    url = read_variables(platform)["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"]
    address = check_open(url, "BIND_ADDRESS")
    check_url(f"{url.rstrip('/')}/health", 20)
    return f"takes the states of tasks at {address}"


def check_sources(platform: Platform) -> str:
    url = read_variables(platform).get("IMDB_BASE_URL")
    if url is None:
        return "IMDb and TMDB themselves"
    address = check_open(url, "BIND_STORES")
    check_url(f"{url}/healthz")
    return f"served at {address}"


WORKER_CHECKS: dict[str, Callable[[Platform], str]] = {
    "processes": check_processes,
    "task logs": check_task_logs,
    "queue": check_queue,
    "airflow": check_airflow,
    "postgres": check_databases,
    "s3": check_bucket,
    "redis": check_online_store,
    "mlflow": check_mlflow,
    "sources": check_sources,
}
"""The checks of a second host, in the order of the table."""
