"""The bucket on a real S3 server, and on one that misbehaves."""

import threading
from collections.abc import Iterator
from uuid import uuid4

import boto3
import pytest
from pydantic import SecretStr

from infra.local.stack import Stack
from tasks.core.errors import AccessDenied, BadInput, BadSetting, Unavailable
from tasks.io.s3 import bucket as bucket_module
from tasks.io.s3.bucket import Bucket
from tasks.settings import Settings
from tests.tasks.io.http_faults import FileServer, serve
from tests.tasks.settings_factory import read_settings

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(stack: Stack) -> Settings:
    return read_settings(stack.environment("tasks"))


@pytest.fixture
def key() -> str:
    return f"test/{uuid4().hex}"


def test_an_object_is_written_once(settings: Settings, key: str) -> None:
    bucket = Bucket.from_settings(settings)
    assert not bucket.exists(key)
    assert bucket.put_once(key, b"first")
    assert not bucket.put_once(key, b"second")
    assert bucket.exists(key)
    assert bucket.read(key) == b"first"


def test_an_object_is_deleted_once_and_deleting_it_again_does_nothing(settings: Settings, key: str) -> None:
    bucket = Bucket.from_settings(settings)
    bucket.put_once(key, b"first")
    for _ in range(2):
        bucket.delete(key)
        assert not bucket.exists(key)
    assert bucket.put_once(key, b"second")


def test_of_racing_writers_one_wins(settings: Settings, key: str) -> None:
    stored: list[bool] = []

    def put(n: int) -> None:
        stored.append(Bucket.from_settings(settings).put_once(key, bytes([n]) * 100_000))

    threads = [threading.Thread(target=put, args=[n]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(stored) == [False] * 7 + [True]
    assert len(set(Bucket.from_settings(settings).read(key))) == 1


def test_reading_a_missing_object_fails(settings: Settings, key: str) -> None:
    bucket = Bucket.from_settings(settings)
    with pytest.raises(BadInput, match=f"s3://marquee/{key} does not exist"):
        bucket.read(key)


def test_wrong_credentials(settings: Settings, key: str) -> None:
    wrong = settings.model_copy(update={"aws_secret_access_key": SecretStr("wrong")})
    bucket = Bucket.from_settings(wrong)
    with pytest.raises(AccessDenied, match="refuses AWS_ACCESS_KEY_ID"):
        bucket.put_once(key, b"x")
    with pytest.raises(AccessDenied):
        bucket.exists(key)
    with pytest.raises(AccessDenied):
        bucket.read(key)


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"aws_endpoint_url_s3": "http://127.0.0.1:1"}, Unavailable, "http://127.0.0.1:1 does not answer"),
        ({"aws_endpoint_url_s3": "no address"}, BadSetting, "AWS_ENDPOINT_URL_S3"),
        ({"s3_bucket": "no such name!"}, BadSetting, "S3_BUCKET or the key is not a valid name"),
    ],
)
def test_settings_that_cannot_work(
    change: dict[str, str], error: type[Exception], told: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "ATTEMPTS", 2)
    with pytest.raises(error, match=told):
        Bucket.from_settings(settings.model_copy(update=change)).read("x")


def test_no_credentials(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the keys of tests before this one
    bare = settings.model_copy(update={"aws_access_key_id": None, "aws_secret_access_key": None})
    with pytest.raises(BadSetting, match="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        Bucket.from_settings(bare).put_once("x", b"x")


@pytest.fixture
def faulty(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FileServer, Bucket]]:
    """A server that answers GET as S3 does, until it is told a fault."""
    monkeypatch.setattr(bucket_module, "ATTEMPTS", 3)
    with serve(FileServer(b"content" * 1000)) as server:
        yield server, Bucket.from_settings(settings.model_copy(update={"aws_endpoint_url_s3": server.base_url}))


def test_a_cut_body_is_read_again(faulty: tuple[FileServer, Bucket]) -> None:
    server, bucket = faulty
    server.faults = [("cut", 100), ("cut", 0)]
    assert bucket.read("k") == server.content


def test_a_body_that_is_always_cut(faulty: tuple[FileServer, Bucket]) -> None:
    server, bucket = faulty
    server.faults = [("cut", 100)] * 3
    with pytest.raises(Unavailable, match="does not answer"):
        bucket.read("k")


def test_a_store_that_fails(faulty: tuple[FileServer, Bucket]) -> None:
    server, bucket = faulty
    server.faults = [("status", (503, {}))] * 3
    with pytest.raises(Unavailable, match="answers 503"):
        bucket.read("k")
    server.faults = [("status", (500, {}))]
    assert bucket.read("k") == server.content


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_intermediarys_page_is_one_failed_try(status: int, faulty: tuple[FileServer, Bucket]) -> None:
    server, bucket = faulty
    server.faults = [("status", (status, {"Content-Type": "text/html"}))]
    assert bucket.read("k") == server.content
    server.faults = [("status", (status, {}))] * 3
    with pytest.raises(Unavailable, match=f"answers {status} without an S3 error; is a proxy in between"):
        bucket.read("k")


def test_a_bucket_elsewhere(faulty: tuple[FileServer, Bucket]) -> None:
    server, bucket = faulty
    server.faults = [("status", (301, {}))] * 3
    with pytest.raises(BadSetting, match="another region than AWS_REGION"):
        bucket.read("k")
