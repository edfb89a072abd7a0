"""Connections to the platform's servers: the stores, and HTTP without a proxy. All have timeouts of seconds."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import psycopg
import redis
import requests
from botocore.config import Config

from infra.platform.accounts import REGION
from infra.platform.endpoints import POINTER, Endpoints
from infra.platform.errors import StackError

OLD_FEATURES_KEY = "marquee:feature_set"
"""The Redis key that named the live features before there were deployments; the task reconcile_deployment adopts it."""

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@contextmanager
def connect_postgres(endpoints: Endpoints, role: str) -> Iterator[psycopg.Connection]:
    """Connect as a role to its own database, in autocommit mode."""
    url = endpoints.database_url(role)
    with psycopg.connect(url, autocommit=True, connect_timeout=3, application_name="marquee") as connection:
        yield connection


def check_postgres(endpoints: Endpoints, role: str) -> None:
    """Raise unless the role can log in to its database and run a query."""
    with connect_postgres(endpoints, role) as connection:
        connection.execute("select 1")


def connect_redis(endpoints: Endpoints, user: str, decode_responses: bool = True) -> redis.Redis:
    """Return a client of Redis, logged in as the user."""
    url = endpoints.redis_url(user)
    return redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3, decode_responses=decode_responses)


def check_redis(endpoints: Endpoints, user: str) -> None:
    """Raise unless the server has loaded its data and knows the user."""
    with connect_redis(endpoints, user) as client:
        client.ping()


def connect_s3(endpoints: Endpoints, identity: str = "s3") -> "S3Client":
    """Return a client of our object store with the keys of one identity."""
    access_key, secret_key = endpoints.s3_keys(identity)
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=endpoints.s3.url,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}, proxies={}),
    )
    return client


def read_pointer(endpoints: Endpoints) -> dict[str, Any] | None:
    """Return the pointer to the live deployment; None before the first deployment."""
    with connect_redis(endpoints, "api") as client:
        text = client.get(POINTER)
    return json.loads(text) if isinstance(text, str) else None


def was_live(endpoints: Endpoints) -> bool:
    """Return true if Postgres records a live deployment, or Redis names the live parts as releases without deployments did."""
    with connect_postgres(endpoints, "movies") as connection:
        if connection.execute("select from deployment where live_at is not null and ended_at is null").fetchone() is not None:
            return True
    with connect_redis(endpoints, "api") as client:
        return bool(client.exists(OLD_FEATURES_KEY))


def read_live_features(endpoints: Endpoints) -> dict[str, Any] | None:
    """Return the pointer's entry for the live feature set; None before the first deployment."""
    pointer = read_pointer(endpoints)
    return pointer["features"] if pointer else None


def read_live_project(endpoints: Endpoints) -> str:
    """Return the Feast project of the live feature set. Raise StackError before the first deployment.

    Feast registers an empty project for any other name.
    """
    features = read_live_features(endpoints)
    if features is None:
        raise StackError("No feature set is live yet: `make up` or `make run DAG=refresh_movies` makes the first one.")
    return str(features["feature_set"])


def local_session() -> requests.Session:
    """Return a session for our own servers; it ignores the machine's proxy, netrc and certificate settings."""
    session = requests.Session()
    session.trust_env = False
    return session


def check_url(url: str, seconds: float = 5) -> None:
    """Raise unless the URL answers 2xx in time."""
    with local_session() as session:
        session.get(url, timeout=seconds).raise_for_status()


def read_json(url: str, seconds: float = 5) -> Any:
    """Return the parsed JSON body. Raise unless the URL answers 2xx in time."""
    with local_session() as session:
        answer = session.get(url, timeout=seconds)
        answer.raise_for_status()
        return answer.json()
