"""Tests the stores as real servers: each recovers after kill -9 of itself or its supervisor, and `down` leaves no process."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from botocore.exceptions import ClientError

from infra.local.services.postgres_paths import remove_cluster
from infra.local.services.seaweedfs import check_s3
from infra.local.stack import Stack
from infra.local.supervision.processes import find_processes
from infra.platform.accounts import BUCKET
from infra.platform.connections import check_postgres, check_redis, connect_redis, connect_s3
from infra.platform.environment import local_variables
from infra.platform.errors import StackError
from infra.platform.settings import Settings

pytestmark = pytest.mark.integration
STORES = ("postgres", "redis", "s3")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack.load(Settings.trial(tmp_path_factory.mktemp("stack") / "home"))
    try:
        stack.start(STORES)
        yield stack
    finally:
        stack.stop()
        remove_cluster(stack.settings.layout)
    assert find_processes(stack.settings.layout) == []


def pid_of(stack: Stack, name: str) -> int:
    return int(stack.supervisor.processes()[name]["pid"])


def check(stack: Stack, name: str) -> None:
    stack.services[name].check()


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def answers(stack: Stack, name: str) -> bool:
    try:
        check(stack, name)
    except Exception:  # noqa: BLE001  # whatever a killed server makes its client raise
        return False
    return True


@pytest.mark.parametrize("name", STORES)
def test_killed_store_heals_and_keeps_its_data(stack: Stack, name: str) -> None:
    endpoints = stack.endpoints
    with psycopg.connect(endpoints.database_url("movies"), autocommit=True) as connection:
        connection.execute("create table if not exists kept (word text)")
        connection.execute("insert into kept values (%s)", [name])
    with connect_redis(endpoints, "feast") as client:
        client.set(f"kept:{name}", "yes")
    connect_s3(endpoints).put_object(Bucket=BUCKET, Key=f"kept/{name}", Body=b"yes")
    time.sleep(1.1)  # the append-only file is on disk within a second
    before = pid_of(stack, name)
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: pid_of(stack, name) not in {0, before} and answers(stack, name), 60)
    with psycopg.connect(endpoints.database_url("movies")) as connection:
        assert connection.execute("select 1 from kept where word = %s", [name]).fetchone()
    with connect_redis(endpoints, "feast") as client:
        assert client.get(f"kept:{name}") == "yes"
    assert connect_s3(endpoints).get_object(Bucket=BUCKET, Key=f"kept/{name}")["Body"].read() == b"yes"


def test_killed_supervisor_is_healed_by_the_next_start(stack: Stack) -> None:
    supervisor = stack.supervisor.pid()
    assert supervisor
    before = {name: pid_of(stack, name) for name in STORES}
    os.kill(supervisor, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(supervisor) or psutil.Process(supervisor).status() == psutil.STATUS_ZOMBIE, 5)
    stack.start(STORES)
    assert all(answers(stack, name) for name in STORES)
    assert not {pid for pid in before.values() if psutil.pid_exists(pid)}


def test_starting_again_leaves_healthy_services_alone(stack: Stack) -> None:
    before = [pid_of(stack, name) for name in STORES]
    stack.start(STORES)
    stack.start(["redis"])  # nor does starting some stop the others
    assert [pid_of(stack, name) for name in STORES] == before


def test_roles_and_users_are_kept_apart(stack: Stack) -> None:
    endpoints, settings, secrets = stack.endpoints, stack.settings, stack.secrets
    check_postgres(endpoints, "movies")
    password = secrets.read("postgres_movies")
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
        psycopg.connect(f"postgresql://movies:{password}@127.0.0.1:{settings.postgres_port}/mlflow")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://movies:wrong@127.0.0.1:{settings.postgres_port}/movies")
    check_redis(endpoints, "api")
    with connect_redis(endpoints, "api") as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.set("x", "1")
    with redis.Redis(port=settings.redis_port) as anybody, pytest.raises(redis.exceptions.AuthenticationError):
        anybody.ping()
    check_s3(endpoints)
    with pytest.raises(Exception, match=r"Access ?Denied"):
        connect_s3(endpoints).create_bucket(Bucket="another")


def test_the_api_reads_the_predictions_in_s3_and_keeps_receipts_and_no_more(stack: Stack) -> None:
    endpoints, settings = stack.endpoints, stack.settings
    ours, api = connect_s3(endpoints), connect_s3(endpoints, "s3_api")
    for key in ("predictions/abc.sqlite", "raw/secret", "predictions-not"):
        ours.put_object(Bucket=BUCKET, Key=key, Body=b"bytes")
    assert api.get_object(Bucket=BUCKET, Key="predictions/abc.sqlite")["Body"].read() == b"bytes"
    assert api.head_object(Bucket=BUCKET, Key="predictions/abc.sqlite")["ContentLength"] == 5
    for refused in (
        lambda: api.get_object(Bucket=BUCKET, Key="raw/secret"),
        lambda: api.get_object(Bucket=BUCKET, Key="predictions-not"),
        lambda: api.put_object(Bucket=BUCKET, Key="predictions/abc.sqlite", Body=b"other"),
        lambda: api.delete_object(Bucket=BUCKET, Key="predictions/abc.sqlite"),
        lambda: api.list_objects_v2(Bucket=BUCKET),
    ):
        with pytest.raises(ClientError, match=r"Access ?Denied"):
            refused()
    assert ours.get_object(Bucket=BUCKET, Key="predictions/abc.sqlite")["Body"].read() == b"bytes"
    url = local_variables("serving", settings, endpoints)["RECEIPTS_DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table kept (word text)")
        connection.execute("drop table kept")
    assert local_variables("tasks", settings, endpoints)["RECEIPTS_DATABASE_URL"] == url
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
        psycopg.connect(f"{url.removesuffix('receipts')}movies")
    with connect_redis(endpoints, "feast") as client:
        client.set("marquee:prediction_set", "{}")
    with connect_redis(endpoints, "api") as client:
        assert client.get("marquee:prediction_set") == "{}"


def test_a_taken_port_is_reported(stack: Stack, tmp_path: Path) -> None:
    other = Stack.load(Settings.trial(tmp_path / "home", redis_port=stack.settings.redis_port))
    try:
        with pytest.raises(StackError, match=r"valkey-server \(pid \d+\).*REDIS_PORT"):
            other.start(["redis"])
    finally:
        other.stop()
