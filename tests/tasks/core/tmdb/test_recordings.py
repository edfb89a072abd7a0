"""Tests the parser with recorded answers of TMDB."""

import re
from datetime import date

import pytest

from tasks.core.tmdb.parse import Parsed, Rejected, is_tmdb_error, parse_changes, parse_message, parse_movie
from tests.recordings import RECORDINGS, Recording, read_recordings

pytestmark = [pytest.mark.real_data, pytest.mark.skipif(not RECORDINGS.exists(), reason=f"{RECORDINGS} is not there")]


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return read_recordings()


def test_recorded_movies_are_parsed_without_a_field_lost(recordings: list[Recording]) -> None:
    movies = [one for one in recordings if re.fullmatch(r"/3/movie/(\d+|tt\d+)", one.path) and one.status == 200]
    assert len(movies) >= 4
    for movie in movies:
        movie_id = re.search(rb'"imdb_id": ?"(tt\d+)"', movie.body)
        assert movie_id
        parsed = parse_movie(movie.body, movie_id[1].decode())
        assert isinstance(parsed, Parsed)
        assert parsed.dropped == ()
        assert parsed.movie.budget
        assert parsed.movie.release_date
        assert isinstance(parse_movie(movie.body, "tt0000001"), Rejected)


def test_a_recorded_movie_with_its_sections(recordings: list[Recording]) -> None:
    [body] = [one.body for one in recordings if one.path == "/3/movie/tt1345836"]
    parsed = parse_movie(body, "tt1345836")
    assert isinstance(parsed, Parsed)
    movie = parsed.movie
    assert (movie.tmdb_id, movie.runtime_minutes, movie.budget, movie.release_date) == (
        49026,
        165,
        250_000_000,
        date(2012, 7, 17),
    )
    assert (movie.cast_size, movie.crew_size, len(movie.keywords)) == (166, 561, 20)
    assert movie.countries == ["GB", "US"]


def test_the_recorded_newest_movie_has_no_imdb_id(recordings: list[Recording]) -> None:
    [body] = [one.body for one in recordings if one.path == "/3/movie/latest"]
    assert isinstance(parse_movie(body, "tt0000001"), Rejected)


def test_recorded_lists_of_changes(recordings: list[Recording]) -> None:
    pages = [parse_changes(one.body) for one in recordings if one.path == "/3/movie/changes"]
    assert [len(page.tmdb_ids) for page in pages] == [100, 100]
    assert all(page.total_pages > 50 for page in pages)


def test_recorded_refusals(recordings: list[Recording]) -> None:
    refusals = [one for one in recordings if one.status == 404]
    assert len(refusals) >= 10
    for one in refusals:
        assert is_tmdb_error(one.body)
        assert parse_message(one.body).endswith("(status_code 34)")
