"""The synthetic sample in IMDb's published format: tab separated, unquoted, `\\N` for null, a header line.

Like the real files, the five files are not consistent: title.basics lacks some rated titles, some titles are not movies, and
some movies have no runtime, genres or year. The rows of BROKEN, at fixed positions, break the format.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from infra.sources.sample_movies import Movie
from infra.sources.sample_people import Person
from infra.sources.sample_words import make_title

NULL = r"\N"

HEADERS = {
    "title.basics.tsv.gz": "tconst titleType primaryTitle originalTitle isAdult startYear endYear runtimeMinutes genres",
    "title.ratings.tsv.gz": "tconst averageRating numVotes",
    "title.crew.tsv.gz": "tconst directors writers",
    "title.principals.tsv.gz": "tconst ordering nconst category job characters",
    "name.basics.tsv.gz": "nconst primaryName birthYear deathYear primaryProfession knownForTitles",
}

BROKEN = {
    "title.basics.tsv.gz": (
        "tt79000001\tmovie\tThe Short Row",  # fields missing, as after a stray line break in a title
        "tt79000002\tmovie\tThe Long Row\tThe Long Row\t0\t1999\t\\N\t90\tDrama\tDrama",  # a tab inside a field
        "tt79000003\tmovie\tThe Shifted Row\tThe Shifted Row\t0\t2004\t\\N\tReality-TV\t\\N",  # text for a runtime
        "79000004\tmovie\tThe Nameless Row\tThe Nameless Row\t0\t2010\t\\N\t95\tComedy",  # no tt before the number
        "tt79000005\tmovie\tThe Timeless Row\tThe Timeless Row\t0\t20O1\t\\N\t95\tComedy",  # a letter in the year
    ),
    "title.ratings.tsv.gz": (
        "tt79000006\t10.1\t1200",  # above IMDb's scale
        "tt79000007\t7,4\t310",  # a decimal comma
        "tt79000008\t6.2\t-15",
    ),
    "title.crew.tsv.gz": ("tt79000009\tnm70000001", "\\N\tnm70000001\tnm70000002"),
    "title.principals.tsv.gz": (
        "tt79000010\tfirst\tnm70000001\tactor\t\\N\t\\N",
        "tt79000010\t2\tactor\t\\N\t\\N",
    ),
    "name.basics.tsv.gz": ("nm79000001\tThe Short Person", "Nobody\tnm79000002\t1950\t\\N\tactor\t\\N"),
}
"""Rows that break the format, each in a different way. A reader should quarantine each row with its reason and go on."""

OTHER_TYPES = ("tvSeries", "short", "tvEpisode", "tvMiniSeries", "video", "tvSpecial", "videoGame", "tvMovie")
OTHER_WEIGHTS = (30, 30, 15, 5, 10, 3, 2, 5)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The properties of a movie's rows that are the same on every day."""

    kind: str
    has_year: bool
    has_minutes: bool
    has_genres: bool
    crew: str
    principals: list[str]


class ImdbWriter:
    """Writes the files of any day. What does not depend on the day is kept from one call to the next."""

    def __init__(self, seed: int, size: int) -> None:
        self._seed = seed
        self._rows: dict[str, _Rows] = {}
        self._others = _make_others(Random(f"{seed} others"), size // 8)
        self._without_basics = _make_ratings(Random(f"{seed} without basics"), size // 50)

    def write(self, name: str, movies: Sequence[Movie]) -> list[str]:
        """Return the lines of one file, in order of id as IMDb has them. movies: as they are on the day."""
        write: dict[str, Callable[[Sequence[Movie]], Iterable[str]]] = {
            "title.basics.tsv.gz": self._basics,
            "title.ratings.tsv.gz": self._ratings,
            "title.crew.tsv.gz": lambda movies: (self._rows_of(movie).crew for movie in movies),
            "title.principals.tsv.gz": lambda movies: (row for movie in movies for row in self._rows_of(movie).principals),
            "name.basics.tsv.gz": self._names,
        }
        return _with_broken(name, write[name](movies))

    def _rows_of(self, movie: Movie) -> _Rows:
        rows = self._rows.get(movie.tconst)
        if rows is None:
            rng = Random(f"{self._seed} imdb {movie.tconst}")
            rows = self._rows[movie.tconst] = _Rows(
                has_year=rng.random() >= 0.004,
                has_minutes=rng.random() >= 0.05,
                has_genres=rng.random() >= 0.015,
                kind="movie" if movie.budget > 150_000 or rng.random() < 0.6 else "tvMovie",
                crew=_crew(movie),
                principals=list(_principals(movie)),
            )
        return rows

    def _basics(self, movies: Sequence[Movie]) -> Iterator[str]:
        for movie in movies:
            rows = self._rows_of(movie)
            year = movie.released.year if rows.has_year else NULL
            minutes = movie.minutes if rows.has_minutes else NULL
            genres = ",".join(movie.genres) if rows.has_genres else NULL
            names = f"{movie.title}\t{movie.original_title}"
            yield f"{movie.tconst}\t{rows.kind}\t{names}\t{movie.is_adult:d}\t{year}\t{NULL}\t{minutes}\t{genres}"
        yield from (basics for basics, _ in self._others)

    def _ratings(self, movies: Sequence[Movie]) -> Iterator[str]:
        yield from (f"{movie.tconst}\t{movie.rating}\t{movie.votes}" for movie in movies if movie.rating is not None)
        yield from self._without_basics
        yield from (row for _, row in self._others if row is not None)

    def _names(self, movies: Sequence[Movie]) -> Iterator[str]:
        known_for: dict[Person, list[Movie]] = defaultdict(list)
        professions: dict[Person, dict[str, None]] = defaultdict(dict)
        for movie in movies:
            for role, people in (
                ("director", movie.directors),
                ("writer", movie.writers),
                ("actor", movie.cast),
                ("producer", (movie.producer,)),
                ("composer", (movie.composer,)),
            ):
                for person in people:
                    known_for[person].append(movie)
                    professions[person]["actress" if role == "actor" and person.is_woman else role] = None
        for person in sorted(known_for, key=lambda person: (len(person.nconst), person.nconst)):
            best = sorted({movie.tconst: movie.votes for movie in known_for[person]}.items(), key=lambda item: -item[1])[:4]
            titles = NULL if person.tmdb_id % 50 == 0 else ",".join(tconst for tconst, _ in best)
            jobs = ",".join(list(professions[person])[:3])
            yield f"{person.nconst}\t{person.name}\t{person.born or NULL}\t{person.died or NULL}\t{jobs}\t{titles}"


def _with_broken(name: str, rows: Iterable[str]) -> list[str]:
    lines = ["\t".join(HEADERS[name].split()), *rows]
    for place, row in enumerate(BROKEN[name], start=1):
        lines.insert(place * len(lines) // (len(BROKEN[name]) + 1), row)
    return lines


def _make_others(rng: Random, count: int) -> list[tuple[str, str | None]]:
    """Return (basics row, ratings row) for titles that are not movies; some have no rating."""
    rows = []
    for number in range(count):
        tconst, kind, title = f"tt{78_000_000 + number}", rng.choices(OTHER_TYPES, OTHER_WEIGHTS)[0], make_title(rng)
        start = rng.randint(1960, 2025)
        end = start + rng.randint(0, 9) if kind == "tvSeries" and rng.random() < 0.6 else NULL
        genre = "Short" if kind == "short" else "Drama"
        basics = f"{tconst}\t{kind}\t{title}\t{title}\t0\t{start}\t{end}\t{rng.randint(4, 60)}\t{genre}"
        rated = f"{tconst}\t{rng.triangular(2, 9.6, 7.2):.1f}\t{int(rng.lognormvariate(5, 2)) + 5}"
        rows.append((basics, rated if rng.random() < 0.7 else None))
    return rows


def _make_ratings(rng: Random, count: int) -> list[str]:
    """Return ratings rows of titles that title.basics lacks."""
    return [
        f"tt{77_000_000 + number}\t{rng.triangular(1, 9.8, 6.5):.1f}\t{int(rng.lognormvariate(4, 2)) + 5}"
        for number in range(count)
    ]


def _crew(movie: Movie) -> str:
    directors, writers = (",".join(person.nconst for person in people) for people in (movie.directors, movie.writers))
    return f"{movie.tconst}\t{directors or NULL}\t{writers or NULL}"


def _principals(movie: Movie) -> Iterator[str]:
    billed: list[tuple[Person, str, str, str]] = [
        (person, "actress" if person.is_woman else "actor", NULL, f'["{character_of(movie, place)}"]')
        for place, person in enumerate(movie.cast[:8])
    ]
    billed += [(person, "director", NULL, NULL) for person in movie.directors]
    billed += [(person, "writer", "written by", NULL) for person in movie.writers]
    billed += [(movie.producer, "producer", "producer", NULL), (movie.composer, "composer", NULL, NULL)]
    for ordering, (person, category, job, characters) in enumerate(billed, start=1):
        yield f"{movie.tconst}\t{ordering}\t{person.nconst}\t{category}\t{job}\t{characters}"


def character_of(movie: Movie, place: int) -> str:
    """Return the name of a role. It is computed from the cast, so that both sources have the same name."""
    name = movie.cast[(place + 3) % len(movie.cast)].name.split()[0]
    return name[::-1].capitalize() if place % 2 else f"{name[::-1].capitalize()} {movie.directors[0].name.split()[-1][:4]}"
