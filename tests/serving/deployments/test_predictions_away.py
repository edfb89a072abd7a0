"""Prediction databases are kept and fetched again, whatever is away or damaged."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from serving.core.artifacts import FetchFailed
from serving.core.errors import StoreUnavailable
from serving.deployments import watcher as watcher_module
from serving.prediction_set import cache as cache_module
from serving.prediction_set.cache import PredictionSetCache
from tests.serving.deployments.bucket import Bucket, run
from tests.serving.servers import REPOSITORY, free_port

pytestmark = pytest.mark.integration


def test_the_last_good_deployment_is_served_without_redis_and_s3(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    async def follow() -> None:
        bucket.publish(10)
        async with bucket.watch() as watcher:
            await watcher.poll()
        bucket.world.valkey.stop()
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
        async with bucket.watch() as later:
            await later.load_last_good()
            assert bucket.served(later) == 10
            assert later.require_model()[0].id == bucket.world.deployed.pointer["deployment"]
            with pytest.raises(StoreUnavailable):
                await later.poll()

    run(follow())


@pytest.mark.parametrize("fault", ["no object", "no store", "slow store"])
def test_what_cannot_be_fetched_now_is_tried_again(bucket: Bucket, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher_module, "RETRY_FETCH_SECONDS", 0.0)

    async def follow() -> None:
        async with bucket.watch() as watcher:
            bucket.publish(10)
            await watcher.poll()
            with monkeypatch.context() as patch:
                bucket.publish(20)
                if fault == "no object":
                    bucket.world.deployed.change("predictions", True, database_key="predictions/nothing")
                if fault == "no store":
                    patch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{free_port()}")
                if fault == "slow store":
                    patch.setattr(watcher._loader, "_fetch_seconds", 0.2)
                with pytest.raises(FetchFailed):
                    await watcher.poll()
            assert (bucket.served(watcher), watcher.rejected) == (10, None)
            if fault == "no object":
                bucket.publish(20)
            await watcher.poll()
            assert bucket.served(watcher) == 20

    run(follow())


def test_a_damaged_cache_is_fetched_again(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    async def follow() -> None:
        digest = bucket.publish(10)
        async with bucket.watch() as watcher:
            await watcher.poll()
        path = PredictionSetCache(bucket.settings.deployment_cache_dir / "predictions").path(digest)
        path.write_bytes(path.read_bytes()[:-1])
        async with bucket.watch() as later:
            await later.load_last_good()
            assert later.require_model()
            assert "starts without a part: prediction set" in caplog.text
            await later.poll()
            assert bucket.served(later) == 10

    run(follow())


@pytest.mark.parametrize("content", [b"\0" * 400, b'{"deployment": 17'])
def test_a_damaged_record_of_the_last_deployment_is_logged_and_written_again(
    bucket: Bucket, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    record = bucket.settings.deployment_cache_dir / "last_good.json"

    async def follow() -> None:
        bucket.publish(10)
        record.write_bytes(content)
        async with bucket.watch() as watcher:
            await watcher.load_last_good()
            assert watcher.live is None
            await watcher.poll()
            assert bucket.served(watcher) == 10

    run(follow())
    assert "the record of the last good deployment cannot be used" in caplog.text
    assert record.read_bytes().startswith(b'{"deployment"')


def test_what_a_killed_download_left_is_deleted(bucket: Bucket) -> None:
    folder = bucket.settings.deployment_cache_dir / "predictions"
    folder.mkdir()
    (folder / "incoming-old").touch()
    os.utime(folder / "incoming-old", (1, 1))
    (folder / "incoming-new").touch()

    async def follow() -> None:
        async with bucket.watch() as watcher:
            bucket.publish(10)
            await watcher.poll()

    run(follow())
    assert [name for name in bucket.cached if name.startswith("incoming")] == ["incoming-new"]
    assert bucket.settings.artifact_fetch_seconds < cache_module.ABANDONED_SECONDS


def test_trouble_is_logged_once_and_following_goes_on(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = bucket.settings.model_copy(update={"deployment_poll_seconds": 0.05})
    monkeypatch.setattr(bucket, "settings", settings)
    bucket.publish(10)
    valkey = bucket.world.valkey

    async def until(holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not holds():
                await asyncio.sleep(0.05)

    async def follow() -> None:
        async with bucket.watch() as watcher:
            following = asyncio.create_task(watcher.follow())
            await until(lambda: watcher.live is not None)
            valkey.stop()
            await until(lambda: "feature store" in watcher.trouble)
            await asyncio.sleep(0.5)
            valkey.start()
            await until(lambda: "no key" in watcher.trouble)
            assert bucket.served(watcher) == 10
            bucket.world.deployed.write()
            await until(lambda: not watcher.trouble)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    asyncio.run(follow())
    assert sum(record.name == "serving.deployments" and record.levelname == "ERROR" for record in caplog.records) <= 4


def test_the_service_itself_imports_no_boto3(tmp_path: Path) -> None:
    code = "import sys, serving.deployments.watcher; print(*{'boto3', 'botocore', 'mlflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.strip() == ""
