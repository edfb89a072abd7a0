"""Feature sets in Redis as Feast's own Redis store writes them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from feast import Entity, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.infra.online_stores.redis import RedisOnlineStore, RedisOnlineStoreConfig
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Float64, String

from tests.serving.tiny_models import FEATURES

AS_OF = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass(frozen=True)
class Movie:
    """One movie to publish; a feature that is None is unknown."""

    movie_id: str
    title: str | None = None
    features: Mapping[str, float | None] = field(default_factory=dict)
    tmdb_id: int | None = None


def view(name: str, join_key: str, kind: ValueType, fields: list[Field]) -> FeatureView:
    entity = Entity(name=name, join_keys=[join_key], value_type=kind)
    return FeatureView(name=name, entities=[entity], schema=fields, source=FileSource(path="unused.parquet"))


def write_features(port: int, project: str, movies: list[Movie], names: tuple[str, ...] = FEATURES) -> None:
    """Write the rows of a set as `publish_features` does, through Feast, without making it live."""
    store = RedisOnlineStore()
    config = RepoConfig(
        project=project,
        provider="local",
        registry="unused.db",
        online_store=RedisOnlineStoreConfig(connection_string=f"127.0.0.1:{port}", skip_dedup=True),
        entity_key_serialization_version=3,
    )
    movies_view = view("movies", "movie_id", ValueType.STRING, [*(Field(name=n, dtype=Float64) for n in names)])
    tmdb_ids = view("tmdb_ids", "tmdb_id", ValueType.INT64, [Field(name="movie_id", dtype=String)])
    rows = [
        (
            EntityKey(join_keys=["movie_id"], entity_values=[Value(string_val=movie.movie_id)]),
            {name: as_value(movie.features.get(name)) for name in names}
            | {"title": Value() if movie.title is None else Value(string_val=movie.title)},
            AS_OF,
            AS_OF,
        )
        for movie in movies
    ]
    ids = [
        (
            EntityKey(join_keys=["tmdb_id"], entity_values=[Value(int64_val=movie.tmdb_id)]),
            {"movie_id": Value(string_val=movie.movie_id)},
            AS_OF,
            AS_OF,
        )
        for movie in movies
        if movie.tmdb_id is not None
    ]
    store.online_write_batch(config, movies_view, rows, None)
    store.online_write_batch(config, tmdb_ids, ids, None)


def as_value(number: float | None) -> Value:
    return Value() if number is None or math.isnan(number) else Value(double_val=number)
