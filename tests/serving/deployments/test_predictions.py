"""Prediction databases on real S3: fetched, swapped with their deployment, rejected."""

from typing import Any

import pytest

from infra.platform.accounts import BUCKET
from serving.core.artifacts import FetchFailed
from serving.core.errors import NoPredictionSet
from tests.serving.deployments.bucket import Bucket, run

pytestmark = pytest.mark.integration


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
