"""Changes that the tests of deployments make: to the movies, and to the keys of the releases before deployments."""

import json

from tasks.io.deployments import adopt, flip
from tasks.io.feast import online_store
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.tasks.deployments import read_key
from tests.tasks.movies import publish
from tests.tasks.settings_factory import read_live_deployment


def redis_of(settings: Settings):  # type: ignore[no-untyped-def]  # redis-py types both clients
    return online_store.open_redis(settings.feast_redis.get_secret_value())


def change_movies(settings: Settings) -> None:
    """Newer features: every runtime grows by a minute."""
    add_minutes(settings, 1)
    publish(settings)


def add_minutes(settings: Settings, minutes: int) -> None:
    with connect(settings) as conn:
        conn.execute("update movie set runtime_minutes = runtime_minutes + %s", [minutes])


def write_old_keys(settings: Settings) -> None:
    """The two keys as the releases before deployments wrote them; they name what is live."""
    live, pointer = read_live_deployment(settings), read_key(settings, flip.POINTER)
    features = {name: pointer["features"][name] for name in ("feature_set", "snapshot_id", "content_hash", "movies", "day")}
    times = {"published_at": pointer["features"]["published_at"]}
    redis = redis_of(settings)
    redis.set(adopt.FEATURES_KEY, json.dumps({**features, **times, "schema_hash": pointer["features"]["schema_hash"]}))
    redis.set(adopt.PREDICTIONS_KEY, json.dumps({"prediction_set": live.prediction_set}))
