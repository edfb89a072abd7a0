"""Deployments as `tasks.deploy` makes them live, and their parts in a service's cache."""

import hashlib
import json
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import redis

from serving.deployments.last_good import LastGood
from serving.deployments.pointer import POINTER_KEY
from serving.models.cache import ModelCache
from serving.models.reference import ModelReference
from serving.prediction_set.cache import PredictionSetCache
from tests.serving.prediction_set import factories
from tests.serving.published_features import Movie
from tests.serving.releases import SCHEMA_HASH, make_release

LIVE = "marquee_20261122_aaaaaaaaaaaa"
CONTENT_HASH = "c" * 64


def make_pointer() -> dict[str, Any]:
    """Return a deployment whose parts are nowhere yet."""
    today = str(datetime.now(UTC).date())
    return {
        "deployment": 1,
        "made_at": "2026-11-22T03:04:05+00:00",
        "model": {"name": "movie-rating", "version": "3", "sha256": "a" * 64, "release_sha256": "b" * 64},
        "features": {
            "feature_set": LIVE,
            "snapshot_id": "7301",
            "content_hash": CONTENT_HASH,
            "schema_hash": SCHEMA_HASH,
            "movies": 50,
            "day": today,
            "published_at": "2026-11-22T03:04:05+00:00",
        },
        "predictions": {
            "prediction_set": "9f86d081884c",
            "database_key": "predictions/none",
            "database_sha256": "d" * 64,
            "database_bytes": 1,
            "movies": 50,
            "day": today,
        },
    }


class Deployed:
    """The live deployment; each change of a part is a deployment of its own."""

    def __init__(self, cache: Path, server: redis.Redis) -> None:
        self.cache, self._server, self.pointer = cache, server, make_pointer()

    def write(self, redis_too: bool = True) -> int:
        """Make the pointer live, and the last good one of the cache; return its id."""
        pointer = json.dumps(self.pointer).encode()
        LastGood(self.cache).write(pointer)
        if redis_too:
            self._server.set(POINTER_KEY, pointer)
        number: int = self.pointer["deployment"]
        return number

    def change(self, part: str, redis_too: bool = True, /, **fields: Any) -> int:
        """Deploy with these fields of one part changed."""
        self.pointer = deepcopy(self.pointer)
        self.pointer["deployment"] += 1
        self.pointer[part] |= fields
        return self.write(redis_too)

    def world(self, day: date) -> int:
        """Deploy the same parts in a world whose today is this day."""
        self.pointer = deepcopy(self.pointer) | {"deployment": self.pointer["deployment"] + 1, "world_day": str(day)}
        return self.write()

    def model(self, model: bytes, version: str = "3", **changes: object) -> ModelReference:
        """Deploy a model, kept in the cache as the fetching child keeps it. changes: to its release.json."""
        release = make_release(model, **changes)
        digests = [hashlib.sha256(body).hexdigest() for body in (model, release)]
        reference = ModelReference("movie-rating", version, *digests)
        ModelCache(self.cache / "models").store(model, release, reference)
        self.change("model", version=version, sha256=reference.sha256, release_sha256=reference.release_sha256)
        return reference

    def features(self, name: str, movies: int, day: date | None = None, schema_hash: str = SCHEMA_HASH) -> int:
        """Deploy a feature set. day: that it describes, today if not given."""
        described = str(day or datetime.now(UTC).date())
        return self.change("features", feature_set=name, movies=movies, day=described, schema_hash=schema_hash)

    def predictions(self, movies: Sequence[Movie], day: date | None = None, redis_too: bool = True) -> int:
        """Deploy predictions of these movies by the live model, kept in the cache. day: that they are of, today if not given."""
        directory = self.cache / "predictions"
        directory.mkdir(parents=True, exist_ok=True)
        made = directory / "made"
        made.unlink(missing_ok=True)
        sha256 = self.build(made, [factories.Movie(f.movie_id, f.title, 1990 + n, f.tmdb_id) for n, f in enumerate(movies)])
        size = made.stat().st_size
        made.rename(PredictionSetCache(directory).path(sha256))
        return self.name_predictions(sha256, size, len(movies), day, redis_too)

    def build(self, path: Path, movies: Sequence[factories.Movie]) -> str:
        """Write a database of predictions that the live model made of the live features; return its sha256."""
        about = {"model_sha256": self.pointer["model"]["sha256"], "content_hash": self.pointer["features"]["content_hash"]}
        return factories.build(path, movies, about)

    def name_predictions(self, sha256: str, size: int, movies: int, day: date | None = None, redis_too: bool = True) -> int:
        """Deploy the predictions whose database has this digest and size."""
        file = {"database_key": f"predictions/{sha256}.sqlite", "database_sha256": sha256, "database_bytes": size}
        return self.change("predictions", redis_too, movies=movies, day=str(day or datetime.now(UTC).date()), **file)
