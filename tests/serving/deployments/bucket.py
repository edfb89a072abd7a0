"""Prediction databases in a bucket, and watchers of what is deployed."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from infra.platform.accounts import BUCKET
from serving.core.requested_id import RequestedId
from serving.deployments.watcher import DeploymentWatcher
from serving.features.feature_store import FeatureStore
from serving.settings import Settings
from tests.serving.conftest import World
from tests.serving.prediction_set.factories import Movie


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
        """Return the number of movies in the served database, after looking up one of them."""
        database = watcher.require_predictions()
        assert database.find(RequestedId(tmdb_id=self.world.movies[0].tmdb_id)) is not None
        return database.metadata.movies


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)
