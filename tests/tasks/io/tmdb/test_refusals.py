"""Tests rejections by TMDB itself and by an intermediary, and which of them end the run."""

import re

import pytest

import tasks.io.tmdb.client as tmdb_module
from infra.sources.faults import EVERY_PATH, Fault
from tasks.core.errors import AccessDenied, BadSetting
from tasks.core.tmdb.batch import Answer
from tests.infra.sources.folder import render
from tests.tasks.core.tmdb.bodies import HTML, INVALID_KEY
from tests.tasks.io.tmdb.source import MOVIES, ONE, Start

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_ends_the_run_at_once_and_names_the_setting(start: Start, status: int) -> None:
    source = start({EVERY_PATH: [Fault(status, INVALID_KEY)]})
    with pytest.raises(AccessDenied, match=rf"TMDB_ACCESS_TOKEN with {status}: 'Invalid API key.*status_code 7"):
        source.fetch()
    assert len(source.app.paths_requested) == 1


def test_the_servers_own_refusal_of_a_wrong_token(start: Start) -> None:
    with pytest.raises(AccessDenied, match="TMDB_ACCESS_TOKEN"):
        list(start(token="another").tmdb.fetch_movies(["tt70000001"] * 50))


@pytest.mark.parametrize("target", ["https://elsewhere.example/3/movie/1", "/3/movie/101"])
def test_a_redirect_is_not_followed_and_never_gets_the_token(start: Start, target: str) -> None:
    source = start({ONE: [Fault(302, b"", {"Location": target})] * tmdb_module.TRIES})
    with pytest.raises(BadSetting, match=f"TMDB_BASE_URL.*{re.escape(target)}"):
        source.fetch()
    assert source.app.paths_requested == [ONE] * tmdb_module.TRIES


STRAY = [
    Fault(403, HTML, {"Content-Type": "text/html"}),
    Fault(401, HTML),
    Fault(302, b"", {"Location": "https://login.example/"}),
    Fault(404, HTML),
    Fault(403, b'{"message": "Forbidden"}'),
]


@pytest.mark.parametrize("stray", STRAY, ids=lambda fault: f"{fault.status} {fault.body[:12]!r}")
def test_a_stray_page_is_one_failed_try(start: Start, stray: Fault) -> None:
    source = start({"/3/movie/tt70000002": [stray], ONE: [stray]})
    assert source.fetch() == Answer("tt70000001", 200, render(MOVIES[0]))
    assert source.fetch("tt70000002") == Answer("tt70000002", 200, render(MOVIES[1]))
    assert source.app.paths_requested.count(ONE) == 2


@pytest.mark.parametrize("stray", STRAY, ids=lambda fault: f"{fault.status} {fault.body[:12]!r}")
def test_stray_pages_are_not_a_wrong_setting_once_tmdb_has_answered(start: Start, stray: Fault) -> None:
    source = start({ONE: [stray] * tmdb_module.TRIES})
    assert source.fetch("tt70000002") is not None
    assert source.fetch() is None


@pytest.mark.parametrize("stray", STRAY, ids=lambda fault: f"{fault.status} {fault.body[:12]!r}")
def test_an_address_where_tmdb_never_answers_is_a_wrong_setting(start: Start, stray: Fault) -> None:
    source = start({EVERY_PATH: [stray] * 1000})
    with pytest.raises(BadSetting, match=f"TMDB_BASE_URL: .*{stray.status} at each try"):
        list(source.tmdb.fetch_movies(["tt70000001"] * 20))


def test_answers_that_came_before_the_token_is_refused_are_kept(start: Start) -> None:
    source = start({"/3/movie/tt70000009": [Fault(401, INVALID_KEY)]})
    answers: list[Answer | None] = []
    with pytest.raises(AccessDenied):
        answers.extend(source.tmdb.fetch_movies(["tt70000001"] * 40 + ["tt70000009"] + ["tt70000002"] * 200))
    kept = [answer.movie_id for answer in answers if answer]
    assert kept[:40] == ["tt70000001"] * 40
    assert len(kept) == len([path for path in source.app.paths_requested if "tt70000009" not in path])
