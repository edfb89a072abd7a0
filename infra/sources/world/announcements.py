"""The movies that are announced after the world's beginning. Each day's are drawn alone, so their ids never change."""

from dataclasses import replace
from datetime import date, timedelta
from math import exp
from random import Random

from infra.sources.sample_movies import TODAY, Industry, Movie, make_movie
from infra.sources.sample_people import FIRST_YEAR, GENRE_WEIGHTS, LAST_YEAR, Person, make_person
from infra.sources.world.timeline import DRIFT_WEIGHTS

FIRST_MOVIE, FIRST_TMDB_MOVIE, FIRST_PERSON = 80_000_000, 100_000_000, 100_000_000
"""The first numbers of the ids. `make_movies` uses lower ones."""
MOVIES_PER_DAY, PEOPLE_PER_MOVIE = 1_000, 40
"""Numbers that are set aside for each day and for each movie."""
MEAN_LEAD_DAYS, SHORTEST_LEAD_DAYS, LONGEST_LEAD_DAYS = 250, 20, 900
"""Days from announcement to release."""
DEBUTS = 0.04
"""Share of people who have made no movie before. In the scenario `newcomers` it is 1."""
NEWCOMERS_RATE, NEWCOMERS_LONGEST_LEAD = 5, 40


def announced_per_day(movies: int) -> float:
    """Return the mean number of announcements a day: as many as releases in the sample's present year."""
    weights = [exp((year - FIRST_YEAR) / 32) * (0.25 if year > TODAY.year else 1) for year in range(FIRST_YEAR, LAST_YEAR)]
    return movies * weights[TODAY.year - FIRST_YEAR] / sum(weights) / 365.25


def announce(seed: int, movies: int, industry: Industry, day: date, scenario: str) -> list[Movie]:
    """Return the movies that are announced on a day after TODAY."""
    rng = Random(f"{seed} announced {day}")
    is_invasion = scenario == "newcomers"
    weights = DRIFT_WEIGHTS if scenario == "drift" else GENRE_WEIGHTS
    made: list[Movie] = []
    for place in range(_draw_count(rng, announced_per_day(movies) * (NEWCOMERS_RATE if is_invasion else 1))):
        lead = SHORTEST_LEAD_DAYS + int(rng.expovariate(1 / MEAN_LEAD_DAYS))
        lead = 1 + int(rng.random() * NEWCOMERS_LONGEST_LEAD) if is_invasion else min(lead, LONGEST_LEAD_DAYS)
        number = (day - TODAY).days * MOVIES_PER_DAY + place
        movie = make_movie(
            rng, industry, (f"tt{FIRST_MOVIE + number}", FIRST_TMDB_MOVIE + number), day + timedelta(lead), weights
        )
        made.append(_with_debuts(rng, movie, FIRST_PERSON + number * PEOPLE_PER_MOVIE, 1 if is_invasion else DEBUTS))
    return made


def _draw_count(rng: Random, mean: float) -> int:
    """Return a Poisson number, at most what a day's ids allow."""
    count, left = 0, rng.expovariate(1)
    while left < mean and count < MOVIES_PER_DAY:
        count, left = count + 1, left + rng.expovariate(1)
    return count


def _with_debuts(rng: Random, movie: Movie, first_number: int, share: float) -> Movie:
    """Return the movie with that share of its people replaced by people who have made none before."""
    year = movie.released.year
    chosen: dict[Person, Person] = {}

    def pick(person: Person) -> Person:
        if person not in chosen:
            is_debut = rng.random() < share
            chosen[person] = make_person(rng, first_number + len(chosen), year, year + rng.randint(4, 40)) if is_debut else person
        return chosen[person]

    return replace(
        movie,
        directors=tuple(map(pick, movie.directors)),
        writers=tuple(map(pick, movie.writers)),
        cast=tuple(map(pick, movie.cast)),
        producer=pick(movie.producer),
        composer=pick(movie.composer),
    )
