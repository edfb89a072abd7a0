"""IMDb's five published files: their columns, the rule of each column, and the table that each file becomes."""

from collections.abc import Collection
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
    TITLE_TYPE,
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
    gives: tuple[str, ...] = ()
    """The columns of the table whose ids other files need."""
    needs: tuple[str, ...] = ()
    """The tables whose ids are loaded: the movies, or the people with a credit. The file is loaded again after them."""
    others: str = "of other titles"
    """The log's term for rows with other ids, which are skipped."""

    @property
    def letters(self) -> bytes:
        """The two letters that its ids begin with."""
        return b"nm" if self.fields[0].kind is PERSON_ID else b"tt"

    @property
    def gives_letters(self) -> bytes:
        """The two letters that the ids begin with which it gives."""
        return b"tt" if self.gives == ("movie_id",) else b"nm"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(field.source for field in self.fields)


BASICS = SourceFile(
    "title.basics.tsv.gz",
    "movie",
    (
        Field("tconst", "movie_id", TITLE_ID),
        Field("titleType", "title_type", TITLE_TYPE),
        Field("primaryTitle", "primary_title", TEXT),
        Field("originalTitle", "original_title", NULLABLE_TEXT),
        Field("isAdult", "is_adult", FLAG),
        Field("startYear", "start_year", RELEASE_YEAR),
        Field("endYear", "end_year", RELEASE_YEAR),
        Field("runtimeMinutes", "runtime_minutes", MINUTES),
        Field("genres", "genres", WORDS),
    ),
    gives=("movie_id",),
)
RATINGS = SourceFile(
    "title.ratings.tsv.gz",
    "rating",
    (
        Field("tconst", "movie_id", TITLE_ID),
        Field("averageRating", "average_rating", RATING),
        Field("numVotes", "num_votes", VOTES),
    ),
    needs=(BASICS.table,),
)
CREW = SourceFile(
    "title.crew.tsv.gz",
    "crew",
    (
        Field("tconst", "movie_id", TITLE_ID),
        Field("directors", "directors", PERSON_IDS),
        Field("writers", "writers", PERSON_IDS),
    ),
    gives=("directors", "writers"),
    needs=(BASICS.table,),
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
    gives=("person_id",),
    needs=(BASICS.table,),
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
    needs=(CREW.table, PRINCIPALS.table),
    others="without a credit",
)
FILES = (BASICS, RATINGS, CREW, PRINCIPALS, NAMES)
"""In the order of loading: each file comes after those whose tables it needs."""


def find_files_to_load(changed: Collection[str]) -> tuple[SourceFile, ...]:
    """Return the files to load when these, by name, have changed: they and all that need a table of one of them.

    A movie may be new in title.basics and in the other files since long: so they are read again.
    """
    found: list[SourceFile] = []
    for file in FILES:
        if file.name in changed or any(other.table in file.needs for other in found):
            found.append(file)
    return tuple(found)
