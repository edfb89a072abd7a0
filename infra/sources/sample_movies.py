"""The movies of the synthetic sample, and the formula of their ratings."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate
from math import exp, log, log10, sqrt
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
"""The sample's present day. It is fixed, so that the bytes are too. Later movies have neither rating nor votes."""
MIN_VOTES = 5
"""Number of votes from which IMDb shows a rating."""


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
    rating: float | None
    votes: int


class Industry:
    """The people and companies that make movies."""

    def __init__(self, rng: Random, movies: int) -> None:
        self.directors = Roster(make_people(rng, movies // 5, 0))
        self.writers = Roster(make_people(rng, movies // 5, 1_000_000))
        self.actors = Roster(make_people(rng, movies // 2, 2_000_000))
        self.others = Roster(make_people(rng, movies // 8, 3_000_000))
        self.companies = Roster(make_companies(rng, movies // 15))


def make_movies(rng: Random, count: int) -> list[Movie]:
    """Return the movies in order of release date."""
    industry = Industry(rng, count)
    years = range(FIRST_YEAR, LAST_YEAR)
    crowding = list(accumulate(exp((year - FIRST_YEAR) / 32) * (0.25 if year > TODAY.year else 1) for year in years))
    days = sorted(date(year, 1, 1) + timedelta(rng.randrange(365)) for year in rng.choices(years, cum_weights=crowding, k=count))
    tmdb_ids = rng.sample(range(7_000_000, 7_000_000 + 20 * count), count)
    return [_make_movie(rng, industry, f"tt{70_000_000 + 7 * n}", tmdb_ids[n], day) for n, day in enumerate(days)]


def _make_movie(rng: Random, industry: Industry, tconst: str, tmdb_id: int, released: date) -> Movie:
    year = released.year
    directors = industry.directors.draw(rng, year, 1 if rng.random() < 0.92 else 2)
    writers = directors[:1] if rng.random() < 0.3 else industry.writers.draw(rng, year, rng.choices((1, 2, 3), (60, 30, 10))[0])
    cast = industry.actors.draw(rng, year, max(1, round(rng.triangular(2, 16, 9))))
    companies = industry.companies.draw(rng, year, rng.choices((1, 2, 3), (55, 33, 12))[0])
    producer, composer = (industry.others.draw(rng, year, 2) * 2)[:2]
    genres = _draw_genres(rng, directors[0].genre)
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
        tconst, tmdb_id, title, title if language == "en" else make_foreign_title(rng, language), rng.random() < 0.004, released,
        minutes, genres, country, max(int(budget), 10_000), tuple(companies), tuple(directors), tuple(writers), tuple(cast),
        producer, composer, None, 0,
    )  # fmt: skip
    return movie if released > TODAY else _rate(rng, movie)


def _draw_genres(rng: Random, favourite: str) -> tuple[str, ...]:
    drawn = rng.choices(GENRE_NAMES, cum_weights=GENRE_WEIGHTS, k=rng.choices((1, 2, 3), (25, 35, 40))[0])
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


def _rate(rng: Random, movie: Movie) -> Movie:
    fame = 0.9 * (log10(movie.budget) - 6.5) + 0.25 * sum(person.weight for person in movie.cast[:3]) / 3
    deserved = expected_rating(movie)
    votes = int(exp(rng.gauss(3.6 + fame + 0.35 * (deserved - 6), 2.0) + log(1 + (movie.released.year - 1940) / 40)))
    if votes < MIN_VOTES:
        return movie
    surprise = rng.gauss(0, sqrt(0.46**2 + 4 / votes)) - (rng.expovariate(1.8) if rng.random() < 0.15 else 0)  # some movies flop
    return replace(movie, rating=round(min(9.8, max(1.0, deserved + surprise + 0.1)), 1), votes=votes)
