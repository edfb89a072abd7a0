"""The people and companies of the synthetic sample: their careers, and a hidden quality that no file contains."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Generic, Protocol, TypeVar

from infra.sources.sample_words import make_company_name, make_person_name

FIRST_YEAR, LAST_YEAR = 1960, 2028

GENRES = {
    # IMDb genre: (weight, effect on the rating, minutes)
    "Action": (12, -0.25, 108), "Adventure": (8, -0.05, 106), "Animation": (4, 0.3, 90), "Biography": (4, 0.4, 117),
    "Comedy": (22, -0.15, 97), "Crime": (10, 0.1, 104), "Documentary": (8, 0.75, 86), "Drama": (34, 0.3, 106),
    "Family": (6, -0.1, 96), "Fantasy": (6, -0.15, 100), "History": (3, 0.35, 120), "Horror": (11, -0.95, 92),
    "Music": (2, 0.2, 101), "Musical": (2, 0.0, 112), "Mystery": (5, -0.05, 100), "Romance": (11, 0.0, 105),
    "Sci-Fi": (6, -0.5, 98), "Sport": (2, 0.1, 104), "Thriller": (12, -0.35, 100), "War": (3, 0.3, 114), "Western": (2, -0.1, 98),
}  # fmt: skip

GENRE_NAMES = tuple(GENRES)
GENRE_WEIGHTS = tuple(accumulate(often for often, _, _ in GENRES.values()))

COUNTRIES = (
    # ISO 3166-1, name, language, weight, effect on the rating
    ("US", "United States of America", "en", 40, -0.1), ("GB", "United Kingdom", "en", 9, 0.1), ("FR", "France", "fr", 8, 0.1),
    ("IN", "India", "hi", 8, 0.0), ("JP", "Japan", "ja", 6, 0.25), ("DE", "Germany", "de", 5, -0.05),
    ("IT", "Italy", "it", 6, 0.0), ("ES", "Spain", "es", 4, 0.0), ("KR", "South Korea", "ko", 3, 0.2),
    ("SE", "Sweden", "sv", 2, 0.15), ("BR", "Brazil", "pt", 2, 0.1), ("CA", "Canada", "en", 4, -0.15),
    ("MX", "Mexico", "es", 3, 0.0),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    nconst: str
    tmdb_id: int
    name: str
    is_woman: bool
    born: int | None
    died: int | None
    quality: float
    """Standard normal."""
    first_year: int
    last_year: int
    weight: float
    """Relative frequency of being hired. A few people have most of the work."""
    genre: str


@dataclass(frozen=True, slots=True, eq=False)
class Company:
    tmdb_id: int
    name: str
    country: int
    quality: float
    first_year: int
    last_year: int
    weight: float


class Active(Protocol):
    @property
    def first_year(self) -> int: ...
    @property
    def last_year(self) -> int: ...
    @property
    def weight(self) -> float: ...


T = TypeVar("T", bound=Active)


class Roster(Generic[T]):
    """The people or companies that are active in each year, for random selection by weight."""

    def __init__(self, members: Sequence[T]) -> None:
        self._years: dict[int, tuple[list[T], list[float]]] = {}
        for year in range(FIRST_YEAR, LAST_YEAR + 1):
            active = [member for member in members if member.first_year <= year <= member.last_year] or list(members)
            self._years[year] = (active, list(accumulate(member.weight for member in active)))

    def draw(self, rng: Random, year: int, count: int) -> list[T]:
        """Return at most `count` different members who are active in the year, in billing order."""
        active, weights = self._years[min(year, LAST_YEAR)]
        return list(dict.fromkeys(rng.choices(active, cum_weights=weights, k=count)))


def _career(rng: Random) -> tuple[int, int]:
    first = min(rng.randint(1942, LAST_YEAR), rng.randint(1955, LAST_YEAR + 25))
    return first, first + round(rng.triangular(4, 52, 22))


def make_people(rng: Random, count: int, first_number: int) -> list[Person]:
    return [make_person(rng, number, *_career(rng)) for number in range(first_number, first_number + max(count, 40))]


def make_person(rng: Random, number: int, first_year: int, last_year: int) -> Person:
    """Return a person with these first and last years of work. number: makes the ids, so it is unique over all people."""
    born = first_year - rng.randint(19, 45)
    lived = rng.randint(50, 95)
    return Person(
        nconst=f"nm{70_000_000 + number}",
        tmdb_id=7_000_000 + number,
        name=make_person_name(rng),
        is_woman=rng.random() < 0.42,
        born=born if rng.random() < 0.6 else None,
        died=born + lived if last_year <= born + lived < 2026 and rng.random() < 0.8 else None,
        quality=rng.gauss(0, 1),
        first_year=first_year,
        last_year=last_year,
        weight=rng.lognormvariate(0, 1.0),
        genre=rng.choices(GENRE_NAMES, cum_weights=GENRE_WEIGHTS)[0],
    )


def make_companies(rng: Random, count: int) -> list[Company]:
    companies = []
    for number in range(max(count, 20)):
        first, last = _career(rng)
        country = rng.choices(range(len(COUNTRIES)), [row[3] for row in COUNTRIES])[0]
        weight = rng.paretovariate(1.1)
        companies.append(
            Company(700_000 + number, make_company_name(rng), country, rng.gauss(0, 1), first - 10, last + 20, weight)
        )
    return companies
