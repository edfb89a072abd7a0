"""A catalogue in the cache of a service, as its last run left it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from serving.prediction_set.cache import PredictionSetCache
from tests.serving.prediction_set import factories as invented
from tests.serving.published_features import Film


def keep_catalogue(cache: Path, films: Sequence[Film], day: date | None = None) -> None:
    """Keep one with these films as the one served last; day: that its ratings are of, today if not given."""
    cache.mkdir(parents=True)
    path = cache / "made.sqlite"
    sha256 = invented.build(path, [invented.Film(f.movie_id, f.title, 1990 + n, f.tmdb_id) for n, f in enumerate(films)])
    path.rename(cache / f"{sha256}.sqlite")
    PredictionSetCache(cache).note_last_good(sha256, day or datetime.now(UTC).date())
