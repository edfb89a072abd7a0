"""IMDb's five published files: their columns, the rule of each column, and the table that each file becomes."""

from dataclasses import dataclass

from tasks.core.imdb.fields import (
    FLAG,
    LIFE_YEAR,
    MINUTES,
    NULLABLE_TEXT,
    PERSON_ID,
    PERSON_IDS,
    POSITION,
    RATING,
    RELEASE_YEAR,
    TEXT,
    TITLE_ID,
    TITLE_IDS,
    VOTES,
    WORDS,
    Field,
)


@dataclass(frozen=True)
class SourceFile:
    """One published file. Format: https://developer.imdb.com/non-commercial-datasets/."""

    name: str
    table: str
    fields: tuple[Field, ...]
    """The columns in their order; the first one is the id."""
    position: str | None = None
    """The column that, with the id, identifies a row; None where the id does so alone."""
    of_titles: bool = False
    """The ids are of titles, and rows of titles that are not movies are skipped."""

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(field.source for field in self.fields)


BASICS = SourceFile(
    "title.basics.tsv.gz",
    "movie",
    (
        Field("tconst", "movie_id", TITLE_ID),
        Field("titleType", "title_type", TEXT),
        Field("primaryTitle", "primary_title", TEXT),
        Field("originalTitle", "original_title", NULLABLE_TEXT),
        Field("isAdult", "is_adult", FLAG),
        Field("startYear", "start_year", RELEASE_YEAR),
        Field("endYear", "end_year", RELEASE_YEAR),
        Field("runtimeMinutes", "runtime_minutes", MINUTES),
        Field("genres", "genres", WORDS),
    ),
)
RATINGS = SourceFile(
    "title.ratings.tsv.gz",
    "rating",
    (
        Field("tconst", "movie_id", TITLE_ID),
        Field("averageRating", "average_rating", RATING),
        Field("numVotes", "num_votes", VOTES),
    ),
)
CREW = SourceFile(
    "title.crew.tsv.gz",
    "crew",
    (
        Field("tconst", "movie_id", TITLE_ID),
        Field("directors", "directors", PERSON_IDS),
        Field("writers", "writers", PERSON_IDS),
    ),
    of_titles=True,
)
PRINCIPALS = SourceFile(
    "title.principals.tsv.gz",
    "credit",
    (
        Field("tconst", "movie_id", TITLE_ID),
        Field("ordering", "ordering", POSITION),
        Field("nconst", "person_id", PERSON_ID),
        Field("category", "category", TEXT),
        Field("job", "job", NULLABLE_TEXT),
        Field("characters", "characters", NULLABLE_TEXT),
    ),
    position="ordering",
    of_titles=True,
)
NAMES = SourceFile(
    "name.basics.tsv.gz",
    "person",
    (
        Field("nconst", "person_id", PERSON_ID),
        Field("primaryName", "name", TEXT),
        Field("birthYear", "birth_year", LIFE_YEAR),
        Field("deathYear", "death_year", LIFE_YEAR),
        Field("primaryProfession", "professions", WORDS),
        Field("knownForTitles", "known_for", TITLE_IDS),
    ),
)
FILES = (BASICS, RATINGS, CREW, PRINCIPALS, NAMES)
"""In the order of loading: title.basics comes first, because the other files need its list of titles that are not movies."""
