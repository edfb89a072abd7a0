"""GET /movies on real servers: titles found, malformed searches, and any text."""

from pathlib import Path

import pytest

from serving.http.schemas import Movies
from tests.serving.conftest import World
from tests.serving.http.answers import KEPT, malformed, refused

pytestmark = pytest.mark.integration


def test_movies_are_found_by_title(world: World, tmp_path: Path) -> None:
    world.deployed.predictions(world.movies)
    with world.serve(**KEPT) as client:
        found = client.get("/movies?query=film+7")
        limited = client.get("/movies?query=f%C3%ADlm&limit=3")
        nothing = client.get("/movies?query=zzzz")
        metrics = client.metrics()
    body = Movies.model_validate_json(found.content)
    assert (found.status_code, body.movies[0].title) == (200, world.movies[7].title)
    assert (body.movies[0].movie_id, body.movies[0].tmdb_id) == (world.movies[7].movie_id, world.movies[7].tmdb_id)
    assert len(limited.json()["movies"]) == 3
    assert (nothing.status_code, nothing.json()["movies"]) == (200, [])
    assert 'marquee_http_requests_total{route="/movies",status="200"} 3.0' in metrics


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("", "query"),
        ("query=", "query"),
        ("query=+%09", "query"),
        ("query=" + "x" * 201, "query"),
        ("query=" + "x" * 60_000, "query"),
        ("query=a&query=b", "query"),
        ("query[]=a", "query"),
        ("query=a&limit=0", "limit"),
        ("query=a&limit=51", "limit"),
        ("query=a&limit=-1", "limit"),
        ("query=a&limit=1.0", "limit"),
        ("query=a&limit=", "limit"),
        ("query=a&limit=%EF%BC%91", "limit"),
        ("query=a&limit=1&limit=2", "limit"),
        ("query=a&limit=" + "9" * 5000, "limit"),
    ],
)
def test_a_malformed_search_is_a_422(world: World, tmp_path: Path, query: str, place: str) -> None:
    world.deployed.predictions(world.movies)
    with world.serve(**KEPT) as client:
        malformed(client.get(f"/movies?{query}"), ["query", place])
        metrics = client.metrics()
    assert 'marquee_predictions_total{outcome="malformed"} 0.0' in metrics


@pytest.mark.parametrize(
    "text",
    ['"', "a OR b", "title:x", "NEAR(a b)", "*", "a*b", "'; drop table film", "%00", "%FF%FE", "%E2%80%AE", "(((", "-", "^", "+"],
)
def test_no_text_breaks_the_search(world: World, tmp_path: Path, text: str) -> None:
    world.deployed.predictions(world.movies)
    with world.serve(**KEPT) as client:
        answer = client.get(f"/movies?query=film+{text}")
    assert answer.status_code == 200, answer.text


def test_without_a_prediction_database_a_search_is_a_503(world: World) -> None:
    with world.serve() as client:
        refused(client.get("/movies?query=a"), 503, "no_prediction_set")
