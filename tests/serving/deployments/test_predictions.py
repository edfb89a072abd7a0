"""Prediction databases on real S3: fetched, swapped with their deployment, rejected, and kept when everything else is away."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.local.stack import Stack
from infra.platform.accounts import BUCKET
from infra.platform.connections import connect_s3
from serving.core.artifacts import FetchFailed
from serving.core.errors import NoPredictionSet, StoreUnavailable
from serving.core.requested_id import RequestedId
from serving.deployments import watcher as watcher_module
from serving.deployments.watcher import DeploymentWatcher
from serving.features.feature_store import FeatureStore
from serving.prediction_set import cache as cache_module
from serving.prediction_set.cache import PredictionSetCache
from serving.settings import Settings
from tests.serving.conftest import World
from tests.serving.prediction_set.factories import Movie
from tests.serving.servers import REPOSITORY, free_port

pytestmark = pytest.mark.integration


@dataclass
class Bucket:
    """A bucket to publish in, and watchers on the world's Redis that share a cache."""

    world: World
    s3: Any
    settings: Settings

    def publish(self, count: int, model_output: float = 7.123449, **changed: Any) -> str:
        """Put predictions of the world's first movies into the bucket and deploy them; return their digest."""
        path = self.settings.deployment_cache_dir / "produced.sqlite"
        path.unlink(missing_ok=True)
        movies = [Movie(f.movie_id, f.title, 1999, f.tmdb_id, model_output) for f in self.world.movies[:count]]
        sha256 = self.world.deployed.build(path, movies)
        self.s3.put_object(Bucket=BUCKET, Key=f"predictions/{sha256}.sqlite", Body=path.read_bytes())
        self.world.deployed.name_predictions(sha256, path.stat().st_size, count)
        if changed:
            self.world.deployed.change("predictions", True, **changed)
        return sha256

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[DeploymentWatcher]:
        store = FeatureStore(self.settings)
        watcher = DeploymentWatcher(self.settings, store)
        try:
            yield watcher
        finally:
            watcher.close()
            await store.close()

    @property
    def cached(self) -> list[str]:
        return sorted(path.name for path in (self.settings.deployment_cache_dir / "predictions").iterdir())

    def served(self, watcher: DeploymentWatcher) -> int:
        """How many movies are in the served database; one of them is really looked up."""
        database = watcher.require_predictions()
        assert database.find(RequestedId(tmdb_id=self.world.movies[0].tmdb_id)) is not None
        return database.metadata.movies


@pytest.fixture
def bucket(world: World, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in stack.environment("serving").items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    values = {"redis_url": world.valkey.url, "mlflow_tracking_uri": "http://127.0.0.1:9", "deployment_cache_dir": world.cache}
    return Bucket(world, connect_s3(stack.endpoints), Settings.model_validate(values | {"s3_bucket": BUCKET}))


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_new_predictions_replace_those_before_and_two_are_kept(bucket: Bucket) -> None:
    async def follow() -> None:
        async with bucket.watch() as watcher:
            digests = []
            for count in (10, 20, 30):
                digests.append(bucket.publish(count))
                await watcher.poll()
                assert bucket.served(watcher) == count
            assert bucket.cached == sorted(f"{digest}.sqlite" for digest in digests[1:])
            first, second = list(watcher.deployments)
            assert watcher.live is watcher.deployments[second]
            bucket.s3.delete_object(Bucket=BUCKET, Key=f"predictions/{digests[1]}.sqlite")
            back = watcher.deployments[first]
            size = back.record.predictions.size
            bucket.world.deployed.name_predictions(digests[1], size, 20)  # back to the one before, which is still in memory
            await watcher.poll()
            assert bucket.served(watcher) == 20
            assert watcher.require_predictions() is back.predictions

    run(follow())


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


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"database_bytes": 4096}, "the deployment says 4096"),
        ({"database_bytes": 2**40}, "at most"),
        ({"database_bytes": 0}, "at most"),
        ({"database_sha256": "0" * 64}, "has sha256"),
    ],
)
def test_what_does_not_verify_is_rejected_and_the_deployment_before_stays(
    bucket: Bucket, caplog: pytest.LogCaptureFixture, changed: dict[str, Any], reason: str
) -> None:
    async def follow() -> None:
        async with bucket.watch() as watcher:
            bucket.publish(10)
            await watcher.poll()
            before = bucket.cached
            bucket.publish(20, **changed)
            await watcher.poll()
            await watcher.poll()  # not tried again so soon
            assert bucket.served(watcher) == 10
            assert watcher.rejected is not None
            assert reason in watcher.rejected.reason
            assert (watcher.rejections, bucket.cached) == (1, before)
            assert sum("is rejected" in record.message for record in caplog.records) == 1
            bucket.publish(20)
            await watcher.poll()
            assert bucket.served(watcher) == 20
            assert watcher.rejected is None

    run(follow())


def test_predictions_of_another_model_are_rejected(bucket: Bucket) -> None:
    async def follow() -> None:
        async with bucket.watch() as watcher:
            bucket.publish(10)
            await watcher.poll()
            bucket.world.deployed.change("features", True, content_hash="9" * 64)
            await watcher.poll()
            assert watcher.rejected is not None
            assert "is of features cccccccccccc…, the deployment has 999999999999…" in watcher.rejected.reason
            assert bucket.served(watcher) == 10

    run(follow())


def test_a_rating_out_of_range_is_rejected(bucket: Bucket) -> None:
    async def follow() -> None:
        async with bucket.watch() as watcher:
            bucket.publish(10, model_output=11.0)
            await watcher.poll()
            assert watcher.rejected is not None
            assert "11.0, which is not a rating" in watcher.rejected.reason
            with pytest.raises(NoPredictionSet, match="did not verify"):
                watcher.require_predictions()
            assert watcher.require_model()[1].reference.version == "3"  # nothing was live: half a deployment is better

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


def test_a_deployment_whose_rows_are_not_in_redis_waits(bucket: Bucket) -> None:
    async def follow() -> None:
        async with bucket.watch() as watcher:
            bucket.publish(10)
            await watcher.poll()
            bucket.world.deployed.features("marquee_20261123_bbbbbbbbbbbb", 50)
            with pytest.raises(FetchFailed, match="5 of 5 movies looked for have no row"):
                await watcher.poll()
            assert watcher.live is not None
            assert watcher.live.record.features.name == "marquee_20261122_aaaaaaaaaaaa"

    run(follow())


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
