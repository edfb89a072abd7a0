"""The bucket of these tests."""

import pytest

from infra.local.stack import Stack
from infra.platform.accounts import BUCKET
from infra.platform.connections import connect_s3
from serving.settings import Settings
from tests.serving.conftest import World
from tests.serving.deployments.bucket import Bucket


@pytest.fixture
def bucket(world: World, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in stack.environment("serving").items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    values = {"redis_url": world.valkey.url, "mlflow_tracking_uri": "http://127.0.0.1:9", "deployment_cache_dir": world.cache}
    return Bucket(world, connect_s3(stack.endpoints), Settings.model_validate(values | {"s3_bucket": BUCKET}))
