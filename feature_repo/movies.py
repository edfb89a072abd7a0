"""What Marquee knows of a movie before its release: the entity, its feature view and the model's feature service."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, ValueType
from feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source import IcebergSource
from feast.types import Float64, String

OWNER = "build_features"

FILM = {
    "runtime_minutes": "Length in minutes",
    "release_year": "Year of first release",
    "release_month": "Month of first release, 1 to 12, where TMDB knows the day",
    "release_weekday": "Day of the week of first release, 1 (Monday) to 7, where TMDB knows the day",
    "genre_count": "Number of IMDb genres",
    "budget_millions": "Budget in millions of US dollars, of the day, as TMDB states it; unknown is null",
    "language_is_english": "1 if the original language is English, 0 if another",
    "spoken_language_count": "Number of spoken languages",
    "country_count": "Number of production countries",
    "title_is_translated": "1 if the title differs from the original title",
    "title_chars": "Length of the title in characters",
    "title_words": "Words in the title",
    "title_foreign_chars": "Characters outside ASCII in the original title",
    "title_has_digit": "1 if the title holds a digit",
    "overview_words": "Words in TMDB's overview",
    "tagline_words": "Words in TMDB's tagline",
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
    before = "released strictly before this one"
    return {
        f"{role}_films": f"Films of {whose} {before}",
        f"{role}_rating": f"Mean IMDb rating of the films of {whose} {before}; null if none is rated",
        f"{role}_votes": f"Mean log10 of the IMDb votes of the films of {whose} {before}; null if none is rated",
    }


PRE_RELEASE = (
    FILM
    | {f"genre_{genre}": f"1 if IMDb lists the genre {genre.replace('_', '-')}, 0 if it lists others" for genre in GENRES}
    | {name: text for role, whose in ROLES.items() for name, text in _track_record(role, whose).items()}
)

movie = Entity(name="movie", join_keys=["movie_id"], value_type=ValueType.STRING, description="A film, by its IMDb id")
tmdb_movie = Entity(name="tmdb_movie", join_keys=["tmdb_id"], value_type=ValueType.INT64, description="A film, by its TMDB id")

# The catalog's address and keys come from PYICEBERG_CATALOG__MARQUEE__* and AWS_*: the registry keeps properties in clear.
movie_rows = IcebergSource(
    name="movie_rows",
    catalog_type="sql",
    catalog_name="marquee",
    warehouse="",
    namespace="features",
    table="movies",
    timestamp_field="event_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row for each build that changed a film; event_timestamp: the day described, created_timestamp: when we knew",
    owner=OWNER,
)

movies = FeatureView(
    name="movies",
    entities=[movie],
    ttl=timedelta(0),
    schema=[
        Field(name="title", dtype=String, description="IMDb's primary title, for people; no model reads it"),
        *[Field(name=name, dtype=Float64, description=text) for name, text in PRE_RELEASE.items()],
    ],
    source=movie_rows,
    description="All that is known of a film before its release; an unknown value is null, never 0",
    owner=OWNER,
    tags={"known": "before release"},
)

tmdb_ids = FeatureView(
    name="tmdb_ids",
    entities=[tmdb_movie],
    ttl=timedelta(0),
    schema=[Field(name="movie_id", dtype=String, description="The film's IMDb id")],
    source=movie_rows,
    description="From a TMDB id to the movie_id",
    owner=OWNER,
)

pre_release = FeatureService(
    name="pre_release",
    features=[movies[list(PRE_RELEASE)]],
    description="What the rating model reads: nothing that is known only after release",
    owner=OWNER,
)
