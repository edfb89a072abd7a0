"""The synthetic sample in TMDB's format: each line is one answer of GET /3/movie/{id} with its appended sections.

TMDB knows two movies in three. It writes unknown values as budget 0, revenue 0, language `xx`, release date "" and runtime 0.
The bodies of BROKEN have wrong types and values of the kind that real answers sometimes have.
"""

import json
from datetime import date
from random import Random
from typing import Any

from infra.sources.sample_imdb import character_of
from infra.sources.sample_movies import Movie
from infra.sources.sample_people import COUNTRIES, Person
from infra.sources.sample_words import ADJECTIVES, KEYWORDS, NOUNS, make_overview
from infra.sources.tmdb_api import GENRES

GENRE_IDS = {name: (key, name) for key, name in GENRES.items()} | {
    "Sci-Fi": (878, "Science Fiction"),
    "Musical": (10402, "Music"),
}
"""IMDb genre -> TMDB genre. TMDB has neither Biography nor Sport."""
LANGUAGES = {"en": "English", "fr": "French", "hi": "Hindi", "ja": "Japanese", "de": "German", "it": "Italian", "es": "Spanish",
             "ko": "Korean", "sv": "Swedish", "pt": "Portuguese"}  # fmt: skip

BROKEN: tuple[dict[str, Any], ...] = (
    {"budget": "12500000"},  # text for a number
    {"runtime": -90},
    {"release_date": "0000-00-00"},
    {"budget": None, "tagline": None, "overview": None, "production_companies": None},
    {"id": None},  # not usable as a key
    {"credits": "none", "keywords": []},
    {"popularity": "n/a", "vote_count": 9_999_999_999_999_999_999},
)
"""Values that replace fields of the first movies that TMDB knows. A reader should keep the other fields and log each reason."""


def render_body(movie: Movie, day: date, seed: int, broken: dict[str, Any]) -> bytes:
    """Return TMDB's answer for a movie as it is on the day. broken: values that replace fields."""
    body = _make_body(movie, day, Random(f"{seed} tmdb {movie.tconst}"), Random(f"{seed} tmdb reception {movie.tconst}"))
    return json.dumps(body | broken, ensure_ascii=False, separators=(",", ":")).encode()


def _status(days_until_release: int) -> str:
    if days_until_release <= 0:
        return "Released"
    return "Post Production" if days_until_release <= 60 else "In Production" if days_until_release <= 240 else "Planned"


def _make_body(movie: Movie, day: date, rng: Random, later: Random) -> dict[str, Any]:
    """rng: for what is the same on every day. later: for what depends on the release."""
    country, country_name, language, _, _ = COUNTRIES[movie.country]
    released = movie.released <= day
    budget = movie.budget if rng.random() < 0.25 + 0.5 * (movie.budget > 5_000_000) else 0
    popularity = round(rng.lognormvariate(0, 1) * (1 + movie.votes) ** 0.2, 4)
    return {
        "adult": movie.is_adult,
        "backdrop_path": None,
        "belongs_to_collection": None,
        "budget": budget,
        "genres": _genres(movie),
        "homepage": "",
        "id": movie.tmdb_id,
        "imdb_id": movie.tconst,
        "origin_country": [country],
        "original_language": "xx" if rng.random() < 0.01 else language,
        "original_title": movie.original_title,
        "overview": make_overview(rng),
        "popularity": popularity,
        "poster_path": None,
        "production_companies": [
            {"id": company.tmdb_id, "logo_path": None, "name": company.name, "origin_country": COUNTRIES[company.country][0]}
            for company in movie.companies
        ],
        "production_countries": [{"iso_3166_1": country, "name": country_name}],
        "release_date": "" if rng.random() < 0.004 else movie.released.isoformat(),
        "revenue": int(movie.budget * later.lognormvariate(0.3, 1.1)) if released and budget and later.random() < 0.7 else 0,
        "runtime": 0 if rng.random() < 0.02 else movie.minutes + rng.choices((-1, 0, 1), (1, 8, 1))[0],
        "softcore": False,
        "spoken_languages": _spoken_languages(language, rng),
        "status": _status((movie.released - day).days),
        "tagline": _tagline(rng) if rng.random() < 0.5 else "",
        "title": movie.title,
        "video": False,
        "vote_average": round(min(10.0, max(0.0, movie.rating + later.gauss(0, 0.3))), 3) if movie.rating else 0.0,
        "vote_count": movie.votes // 12,
        "credits": {"cast": _cast(movie), "crew": _crew(movie)},
        "keywords": {"keywords": [_keyword(word) for word in rng.sample(KEYWORDS, rng.randint(0, 9))]},
        "external_ids": {"imdb_id": movie.tconst, "wikidata_id": None, "facebook_id": None, "twitter_id": None},
        "release_dates": {"results": [{"iso_3166_1": country, "release_dates": [_release(movie.released)]}]},
    }  # fmt: skip


def _genres(movie: Movie) -> list[dict[str, Any]]:
    known = dict.fromkeys(GENRE_IDS[genre] for genre in movie.genres if genre in GENRE_IDS)
    return [{"id": key, "name": name} for key, name in known]


def _spoken_languages(language: str, rng: Random) -> list[dict[str, str]]:
    spoken = dict.fromkeys([language, rng.choice(list(LANGUAGES))] if rng.random() < 0.2 else [language])
    return [{"english_name": LANGUAGES[key], "iso_639_1": key, "name": LANGUAGES[key]} for key in spoken]


def _tagline(rng: Random) -> str:
    return f"Every {rng.choice(NOUNS).lower()} has its {rng.choice(ADJECTIVES).lower()} hour."


def _keyword(word: str) -> dict[str, Any]:
    return {"id": 100 + KEYWORDS.index(word), "name": word}


def _release(day: date) -> dict[str, Any]:
    at = f"{day.isoformat()}T00:00:00.000Z"
    return {"certification": "", "descriptors": [], "iso_639_1": "", "note": "", "release_date": at, "type": 3}


def _credit(person: Person, movie: Movie, department: str) -> dict[str, Any]:
    return {
        "adult": False,
        "gender": 1 if person.is_woman else 2,
        "id": person.tmdb_id,
        "known_for_department": department,
        "name": person.name,
        "original_name": person.name,
        "profile_path": None,
        "credit_id": f"{person.tmdb_id:08x}{movie.tmdb_id:016x}",
    }


def _cast(movie: Movie) -> list[dict[str, Any]]:
    return [
        _credit(person, movie, "Acting") | {"cast_id": place + 1, "character": character_of(movie, place), "order": place}
        for place, person in enumerate(movie.cast)
    ]


def _crew(movie: Movie) -> list[dict[str, Any]]:
    jobs = [(person, "Directing", "Director") for person in movie.directors]
    jobs += [(person, "Writing", "Screenplay") for person in movie.writers]
    jobs += [(movie.producer, "Production", "Producer"), (movie.composer, "Sound", "Original Music Composer")]
    return [_credit(person, movie, department) | {"department": department, "job": job} for person, department, job in jobs]
