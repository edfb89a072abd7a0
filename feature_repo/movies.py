"""The features of a movie that are known before its release: entities, feature views and the model's feature service."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, ValueType
from feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source import IcebergSource
from feast.types import Float64, String

OWNER = "build_features"

MOVIE = {
    "runtime_minutes": "Length in minutes",
    "release_year": "Year of first release",
    "release_month": "Month of first release, 1 to 12; null where TMDB does not know the day",
    "release_weekday": "Day of the week of first release, 1 (Monday) to 7; null where TMDB does not know the day",
    "genre_count": "Number of IMDb genres",
    "budget_millions": "Budget in millions of US dollars at the time, as TMDB states it; null where unknown",
    "language_is_english": "1 if the original language is English, 0 if it is another",
    "spoken_language_count": "Number of spoken languages",
    "country_count": "Number of production countries",
    "title_is_translated": "1 if the title differs from the original title",
    "title_chars": "Length of the title in characters",
    "title_words": "Number of words in the title",
    "title_foreign_chars": "Number of characters outside ASCII in the original title",
    "title_has_digit": "1 if the title has a digit",
    "overview_words": "Number of words in TMDB's overview",
    "tagline_words": "Number of words in TMDB's tagline",
}

GENRES = (
    "action", "adventure", "animation", "biography", "comedy", "crime", "documentary", "drama", "family", "fantasy", "history",
    "horror", "music", "musical", "mystery", "romance", "sci_fi", "sport", "thriller", "war", "western",
)  # fmt: skip

ROLES = {
    "director": "its directors",
    "writer": "its writers",
    "cast": "its billed cast",
    "company": "its production companies",
    "language": "its original language",
    "country": "its production countries",
}


def _track_record(role: str, whose: str) -> dict[str, str]:
    """Return the features of the earlier movies of the people, companies or countries in one role, with descriptions.

    The names `…_films` stay: trained models and schema hashes contain them.
    """
    before = "released strictly before this one"
    return {
        f"{role}_films": f"Number of movies of {whose} {before}",
        f"{role}_rating": f"Mean IMDb rating of the movies of {whose} {before}; null if none is rated",
        f"{role}_votes": f"Mean log10 of the IMDb votes of the movies of {whose} {before}; null if none is rated",
    }


PRE_RELEASE = (
    MOVIE
    | {f"genre_{genre}": f"1 if IMDb lists the genre {genre.replace('_', '-')}, 0 if it lists others" for genre in GENRES}
    | {name: text for role, whose in ROLES.items() for name, text in _track_record(role, whose).items()}
)

movie = Entity(name="movie", join_keys=["movie_id"], value_type=ValueType.STRING, description="A movie, by its IMDb id")
tmdb_movie = Entity(name="tmdb_movie", join_keys=["tmdb_id"], value_type=ValueType.INT64, description="A movie, by its TMDB id")

# The catalog's address and keys come from PYICEBERG_CATALOG__MARQUEE__* and AWS_*, because Feast's registry stores properties
# unencrypted.
movie_rows = IcebergSource(
    name="movie_rows",
    catalog_type="sql",
    catalog_name="marquee",
    warehouse="",
    namespace="features",
    table="movies",
    timestamp_field="event_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row for each build that changed a movie; event_timestamp: day described, created_timestamp: when it was known",
    owner=OWNER,
)

movies = FeatureView(
    name="movies",
    entities=[movie],
    ttl=timedelta(0),
    schema=[
        Field(name="title", dtype=String, description="IMDb's primary title, for people; models do not read it"),
        *[Field(name=name, dtype=Float64, description=text) for name, text in PRE_RELEASE.items()],
    ],
    source=movie_rows,
    description="What is known of a movie before its release; an unknown value is null, never 0",
    owner=OWNER,
    tags={"known": "before release"},
)

tmdb_ids = FeatureView(
    name="tmdb_ids",
    entities=[tmdb_movie],
    ttl=timedelta(0),
    schema=[Field(name="movie_id", dtype=String, description="The movie's IMDb id")],
    source=movie_rows,
    description="The movie_id for a TMDB id",
    owner=OWNER,
)

pre_release = FeatureService(
    name="pre_release",
    features=[movies[list(PRE_RELEASE)]],
    description="The features that the rating model reads; none of them is known only after release",
    owner=OWNER,
)
