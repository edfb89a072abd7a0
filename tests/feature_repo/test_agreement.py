"""The feature view, the build, the offline table and the feature service have the same list of features."""

from datetime import date

from feast.types import Float64

from feature_repo.movies import PRE_RELEASE, movies, pre_release
from tests.tasks.core.features.frames import compute_all, two_movies

AFTER_RELEASE = ("vote", "popularity", "revenue", "gross", "average_rating")


def test_the_view_has_the_features_that_the_build_computes() -> None:
    computed = compute_all(two_movies(), date(2026, 11, 22)).drop("movie_id", "tmdb_id", "tmdb_asked").columns
    assert sorted(field.name for field in movies.schema if field.name != "movie_id") == sorted(computed)


def test_the_service_serves_every_number_and_nothing_else() -> None:
    served = [feature for view in pre_release.feature_view_projections for feature in view.features]
    assert {feature.name for feature in served} == set(PRE_RELEASE)
    assert all(feature.dtype == Float64 for feature in served)


def test_no_feature_of_the_movie_itself_is_known_only_after_release() -> None:
    own = [name for name in PRE_RELEASE if not name.endswith(("_rating", "_votes", "_films"))]
    assert not [name for name in own if any(word in name for word in AFTER_RELEASE)]


def test_every_feature_has_a_description() -> None:
    assert all(field.description for field in movies.schema if field.name != "movie_id")
