"""The movies of the synthetic sample: what a movie is, and the formula of the rating that it deserves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate
from math import exp, log, log10
from random import Random

from infra.sources.sample_people import (
    COUNTRIES,
    FIRST_YEAR,
    GENRE_NAMES,
    GENRE_WEIGHTS,
    GENRES,
    LAST_YEAR,
    Company,
    Person,
    Roster,
    make_companies,
    make_people,
)
from infra.sources.sample_words import make_foreign_title, make_title

TODAY = date(2026, 6, 30)
"""The day on which the world begins with the movies that `make_movies` returns. Later movies are announced day by day."""
MIN_VOTES = 5
"""Number of votes from which IMDb shows a rating."""
SURPRISE = 0.46
"""Standard deviation of what nothing known before the release explains. The chance of few votes comes on top."""


@dataclass(frozen=True, slots=True)
class Reception:
    """The long-run reception of a movie. No source publishes it; it shows only in the votes, day by day."""

    audience: int
    """Votes that the movie gets in its first years."""
    merit: float
    """The mean of infinitely many votes, before it is limited to IMDb's scale."""


@dataclass(frozen=True, slots=True)
class Movie:
    tconst: str
    tmdb_id: int
    title: str
    original_title: str
    is_adult: bool
    released: date
    minutes: int
    genres: tuple[str, ...]
    country: int
    budget: int
    """The true budget in US dollars. TMDB knows it only for some movies."""
    companies: tuple[Company, ...]
    directors: tuple[Person, ...]
    writers: tuple[Person, ...]
    cast: tuple[Person, ...]
    producer: Person
    composer: Person
    reception: Reception | None
    """None if the draw gives the movie too few votes for a rating, or if it is not released when the world begins."""
    rating: float | None = None
    """On the day described; None with fewer than MIN_VOTES votes."""
    votes: int = 0
    """On the day described."""


class Industry:
    """The people and companies that make movies."""

    def __init__(self, rng: Random, movies: int) -> None:
        self.directors = Roster(make_people(rng, movies // 5, 0))
        self.writers = Roster(make_people(rng, movies // 5, 1_000_000))
        self.actors = Roster(make_people(rng, movies // 2, 2_000_000))
        self.others = Roster(make_people(rng, movies // 8, 3_000_000))
        self.companies = Roster(make_companies(rng, movies // 15))


def make_movies(rng: Random, industry: Industry, count: int) -> list[Movie]:
    """Return the movies with which the world begins, in order of release date."""
    years = range(FIRST_YEAR, LAST_YEAR)
    crowding = list(accumulate(exp((year - FIRST_YEAR) / 32) * (0.25 if year > TODAY.year else 1) for year in years))
    days = sorted(date(year, 1, 1) + timedelta(rng.randrange(365)) for year in rng.choices(years, cum_weights=crowding, k=count))
    tmdb_ids = rng.sample(range(7_000_000, 7_000_000 + 20 * count), count)
    return [make_movie(rng, industry, (f"tt{70_000_000 + 7 * n}", tmdb_ids[n]), day) for n, day in enumerate(days)]


def make_movie(
    rng: Random, industry: Industry, ids: tuple[str, int], released: date, genre_weights: Sequence[float] = GENRE_WEIGHTS
) -> Movie:
    """Return one movie by the people who work in its year.

    ids: IMDb's and TMDB's. genre_weights: cumulated, in the order of GENRE_NAMES.
    """
    year = released.year
    directors = industry.directors.draw(rng, year, 1 if rng.random() < 0.92 else 2)
    writers = directors[:1] if rng.random() < 0.3 else industry.writers.draw(rng, year, rng.choices((1, 2, 3), (60, 30, 10))[0])
    cast = industry.actors.draw(rng, year, max(1, round(rng.triangular(2, 16, 9))))
    companies = industry.companies.draw(rng, year, rng.choices((1, 2, 3), (55, 33, 12))[0])
    producer, composer = (industry.others.draw(rng, year, 2) * 2)[:2]
    genres = _draw_genres(rng, directors[0].genre, genre_weights)
    country = companies[0].country if rng.random() < 0.85 else rng.randrange(len(COUNTRIES))
    base = sum(GENRES[genre][2] for genre in genres) / len(genres)
    minutes = max(46, min(240, round(rng.gauss(base, 13) + 6 * directors[0].quality * rng.random())))
    spread = 1.4 if COUNTRIES[country][0] == "US" else 1.1
    budget = round(
        exp(rng.gauss(14.6, spread) + (year - 1990) / 30 + 0.4 * companies[0].quality + 0.6 * ("Action" in genres)), -4
    )
    title = make_title(rng)
    language = COUNTRIES[country][2]
    movie = Movie(
        *ids, title, title if language == "en" else make_foreign_title(rng, language), rng.random() < 0.004, released,
        minutes, genres, country, max(int(budget), 10_000), tuple(companies), tuple(directors), tuple(writers), tuple(cast),
        producer, composer, None,
    )  # fmt: skip
    return movie if released > TODAY else replace(movie, reception=draw_reception(rng, movie))


def _draw_genres(rng: Random, favourite: str, weights: Sequence[float]) -> tuple[str, ...]:
    drawn = rng.choices(GENRE_NAMES, cum_weights=weights, k=rng.choices((1, 2, 3), (25, 35, 40))[0])
    return tuple(sorted({favourite, *drawn[1:]} if rng.random() < 0.7 else set(drawn)))


def expected_rating(movie: Movie) -> float:
    """Return the rating without its random part. No file contains the qualities it uses, so a model can only estimate them."""
    direction = sum(person.quality for person in movie.directors) / len(movie.directors)
    writing = sum(person.quality for person in movie.writers) / len(movie.writers)
    weights = [1 / (place + 1.5) for place in range(len(movie.cast))]
    acting = sum(weight * person.quality for weight, person in zip(weights, movie.cast, strict=True)) / sum(weights)
    company = sum(member.quality for member in movie.companies) / len(movie.companies)
    genre = sum(GENRES[name][1] for name in movie.genres) / len(movie.genres)
    money = log10(movie.budget) - 6.5
    length = max(-35, min(50, movie.minutes - 100)) * 0.011
    era = 0.35 * (2000 - movie.released.year) / 40
    wasted = -0.35 * max(money, 0) if "Horror" in movie.genres or "Sci-Fi" in movie.genres else 0.18 * money
    people = 0.55 * direction + 0.28 * writing + 0.72 * acting + 0.24 * company
    return 6.05 + people + 1.1 * genre + length + era + wasted + COUNTRIES[movie.country][4]


def draw_reception(rng: Random, movie: Movie) -> Reception | None:
    """Return the reception of a movie, or None if it never gets MIN_VOTES votes."""
    fame = 0.9 * (log10(movie.budget) - 6.5) + 0.25 * sum(person.weight for person in movie.cast[:3]) / 3
    deserved = expected_rating(movie)
    audience = int(exp(rng.gauss(3.6 + fame + 0.35 * (deserved - 6), 2.0) + log(1 + (movie.released.year - 1940) / 40)))
    if audience < MIN_VOTES:
        return None
    surprise = rng.gauss(0, SURPRISE) - (rng.expovariate(1.8) if rng.random() < 0.15 else 0)  # some movies flop
    return Reception(audience, deserved + surprise + 0.1)
