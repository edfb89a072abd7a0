"""The feature set that is live, read from the deployment's key in Redis."""

import json

from tasks.core.features.feature_set import FeatureSet
from tasks.io.deployments import flip
from tasks.io.feast import online_store
from tasks.settings import Settings


def read_live_features(settings: Settings) -> FeatureSet:
    """Return it; there must be a deployment."""
    found = online_store.open_redis(settings.feast_redis.get_secret_value()).get(flip.POINTER)
    assert found is not None
    return FeatureSet(**json.loads(found)["features"])  # type: ignore[arg-type]  # redis-py types both clients
