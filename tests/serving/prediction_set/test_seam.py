"""Tests that the service can serve the output of predict_all: the file, its metadata, the pointer."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.core.requested_id import RequestedId
from serving.prediction_set import database
from serving.prediction_set.database import PredictionDatabase, PublishedMovie
from serving.prediction_set.fetch_child import check_database
from serving.prediction_set.title_fold import fold
from tasks.core.deployment.record import Model
from tasks.core.features.feature_set import FeatureSet
from tasks.core.predictions.prediction_database import FORMAT, render_prediction_database
from tasks.core.predictions.title_fold import fold as fold_of_tasks
from tasks.io.deployments.predictions import describe
from tasks.io.mlflow import registry
from tests.serving.prediction_set import factories as invented

AS_OF = datetime(2026, 11, 22, tzinfo=UTC)
LIVE = FeatureSet("marquee_20261122_aaaaaaaaaaaa", "8541223904412345678", "c" * 64, 2, "2026-11-22", "2026-11-22T03:04:05+00:00")


@pytest.fixture
def produced(tmp_path: Path) -> bytes:
    predictions = pl.DataFrame(
        {
            "movie_id": ["tt0000002", "tt0000001"],
            "tmdb_id": [None, 603],
            "title": [None, "The Matrix"],
            "rating": [6.5, 8.1235],
            "model_output": [6.5, 8.123456],
            "features_as_of": [AS_OF, AS_OF],
        },
        schema_overrides={"tmdb_id": pl.Int64, "features_as_of": pl.Datetime("us", "UTC")},
    )
    years = pl.DataFrame({"movie_id": ["tt0000001", "tt0000002"], "release_year": [1999.0, None]})
    model = Model(registry.MODEL, "3", "a" * 64, "b" * 64, "schema", passed=True)
    votes = pl.DataFrame({"movie_id": ["tt0000001"], "num_votes": [1_900_000]})
    return render_prediction_database(predictions, years, votes, describe("set", model, LIVE) | {"snapshot_id": LIVE.snapshot_id})


@pytest.fixture
def produced_database(produced: bytes, tmp_path: Path) -> Iterator[PredictionDatabase]:
    path = tmp_path / "c.sqlite"
    path.write_bytes(produced)
    sha256 = hashlib.sha256(produced).hexdigest()
    check_database(path, sha256)
    with closing(PredictionDatabase.open(path, sha256)) as produced_database:
        yield produced_database


@given(st.text())
def test_both_sides_fold_a_title_alike(text: str) -> None:
    assert fold(text) == fold_of_tasks(text)


def test_the_producers_file_is_served(produced_database: PredictionDatabase) -> None:
    expected = PublishedMovie("tt0000001", 603, "The Matrix", 1999, 8.1235, 8.123456, AS_OF)
    assert (
        produced_database.find(RequestedId(movie_id="tt0000001")) == produced_database.find(RequestedId(tmdb_id=603)) == expected
    )
    assert produced_database.find(RequestedId(movie_id="tt0000002")) == PublishedMovie(
        "tt0000002", None, None, None, 6.5, 6.5, AS_OF
    )
    assert produced_database.search("matr", 5) == [expected]


def test_the_producers_metadata_are_read(produced_database: PredictionDatabase) -> None:
    about = produced_database.metadata
    assert (about.prediction_set, about.model_name, about.model_version) == ("set", registry.MODEL, "3")
    assert (about.model_sha256, about.feature_set, about.content_hash) == ("a" * 64, LIVE.feature_set, LIVE.content_hash)
    assert (about.snapshot_id, about.movies) == (LIVE.snapshot_id, 2)


def test_the_tests_own_databases_have_the_producers_tables(produced_database: PredictionDatabase, tmp_path: Path) -> None:
    invented.build(tmp_path / "own.sqlite", [invented.Movie("tt0000001")])
    own = PredictionDatabase.open(tmp_path / "own.sqlite", hashlib.sha256((tmp_path / "own.sqlite").read_bytes()).hexdigest())
    tables = "select lower(replace(replace(replace(sql, ' ', ''), char(10), ''), '\"', '')) from sqlite_schema order by name"
    with closing(own):
        assert own._connection.execute(tables).fetchall() == produced_database._connection.execute(tables).fetchall()


def test_both_sides_name_the_same_format() -> None:
    assert database.FORMAT == FORMAT
