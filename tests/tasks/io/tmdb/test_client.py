"""The TMDB client against the local source server, at its best and at its worst."""

import gzip
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

import tasks.io.tmdb.client as tmdb_module
import tasks.io.tmdb.http as http_module
from infra.sources.faults import EVERY_PATH, Fault, FaultyApp
from infra.sources.server import create_app
from tasks.core.errors import AccessDenied, BadInput, BadSetting, Unavailable
from tasks.core.tmdb.batch import Answer
from tasks.io.tmdb.client import Tmdb
from tasks.io.tmdb.http import CallFailed, Transport
from tasks.io.tmdb.limits import RETRIES_AT_START, RateLimiter, RetryBudget
from tests.infra.sources.folder import make_movie, render, write_folder
from tests.infra.sources.running import run_app
from tests.tasks.core.tmdb.bodies import HTML, INVALID_KEY, NOT_FOUND, TOO_MANY

pytestmark = pytest.mark.integration

TOKEN = "canary-v4-token-5f1c"
ONE = "/3/movie/tt70000001"
MOVIES = [make_movie(1), make_movie(2)]
CHANGES_DAY = date(2026, 3, 1)


class Source:
    """The server as it runs, and a client of it."""

    def __init__(self, app: FaultyApp, tmdb: Tmdb, base_url: str) -> None:
        self.app, self.tmdb, self.base_url = app, tmdb, base_url

    def fetch(self, movie_id: str = "tt70000001") -> Answer | None:
        return self.tmdb.fetch_movie(movie_id)


Start = Callable[..., Source]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a server with faults (path -> faults); pauses between tries shrink to a hundredth."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("random.uniform", lambda low, high: (low + high) / 200)
    with ExitStack() as running:

        def start_one(faults: dict[str, list[Fault]] | None = None, rate: float = 1e9, token: str = TOKEN) -> Source:
            changes = [((CHANGES_DAY + timedelta(days=n % 40)).isoformat(), 1000 + n) for n in range(450)]
            app = create_app(write_folder(tmp_path / "source", MOVIES, changes), token=TOKEN, faults=faults or {})
            assert isinstance(app, FaultyApp)
            base_url = running.enter_context(run_app(app))
            tmdb = running.enter_context(Tmdb(Transport(base_url, token, 8), rate))
            return Source(app, tmdb, base_url)

        yield start_one


def test_a_movie_is_one_request_and_its_bytes_as_they_came(start: Start) -> None:
    source = start()
    assert source.fetch() == Answer("tt70000001", 200, render(MOVIES[0]))
    assert source.fetch("tt70000003") == Answer("tt70000003", 404, NOT_FOUND)
    assert source.app.paths_requested == [ONE, "/3/movie/tt70000003"]


def test_movies_come_in_the_order_asked(start: Start) -> None:
    ids = [f"tt7000000{n}" for n in (2, 9, 1, 8, 2)] * 50
    with start(rate=1e9).tmdb as tmdb:
        answers = list(tmdb.fetch_movies(ids))
    assert [one.movie_id for one in answers if one] == ids
    assert [one.status for one in answers[:4] if one] == [200, 404, 200, 404]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_ends_the_run_at_once_and_names_the_setting(start: Start, status: int) -> None:
    source = start({EVERY_PATH: [Fault(status, INVALID_KEY)]})
    with pytest.raises(AccessDenied, match=rf"TMDB_ACCESS_TOKEN with {status}: 'Invalid API key.*status_code 7"):
        source.fetch()
    assert len(source.app.paths_requested) == 1


def test_the_servers_own_refusal_of_a_wrong_token(start: Start) -> None:
    with pytest.raises(AccessDenied, match="TMDB_ACCESS_TOKEN"):
        list(start(token="another").tmdb.fetch_movies(["tt70000001"] * 50))


BURSTS: dict[str, list[Fault]] = {
    "500": [Fault(500, HTML)],
    "502 503 504": [Fault(502), Fault(503), Fault(504)],
    "429 without Retry-After": [Fault(429, TOO_MANY)],
    "429 with seconds": [Fault(429, TOO_MANY, {"Retry-After": "0"})],
    "429 with a date gone by": [Fault(429, TOO_MANY, {"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"})],
    "429 with nonsense": [Fault(429, TOO_MANY, {"Retry-After": "soon"})],
    "HTML with 200": [Fault(200, HTML, {"Content-Type": "text/html"})],
    "cut JSON with 200": [Fault(200, render(MOVIES[0])[:500])],
    "nothing with 200": [Fault(200, b"")],
    "a body cut on the way": [Fault(cut_after=100)],
    "a connection closed before the body": [Fault(cut_after=0)],
    "no gzip under that name": [Fault(200, b"not gzip at all", {"Content-Encoding": "gzip"})],
    "four in a row": [Fault(500), Fault(cut_after=7), Fault(429, TOO_MANY), Fault(200, HTML)],
}


@pytest.mark.parametrize("faults", BURSTS.values(), ids=BURSTS.keys())
def test_what_passes_is_waited_out(start: Start, faults: list[Fault]) -> None:
    source = start({ONE: faults})
    assert source.fetch() == Answer("tt70000001", 200, render(MOVIES[0]))
    assert len(source.app.paths_requested) == len(faults) + 1


def test_one_movie_that_always_fails_is_left_for_another_run(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    source = start({ONE: [Fault(500, HTML)] * 20})
    answers = list(source.tmdb.fetch_movies(["tt70000001", "tt70000002"]))
    assert (answers[0], answers[1] and answers[1].status) == (None, 200)
    assert source.app.paths_requested.count(ONE) == tmdb_module.TRIES
    assert "given up after 5 tries" in caplog.text


def test_a_body_that_is_never_json_is_handed_on_to_be_set_aside(start: Start) -> None:
    source = start({ONE: [Fault(200, HTML)] * 20})
    assert source.fetch() == Answer("tt70000001", 200, HTML)


def test_another_refusal_of_a_movie_is_an_answer(start: Start) -> None:
    body = b'{"status_code": 5, "status_message": "Invalid parameters"}'
    source = start({ONE: [Fault(422, body)]})
    assert source.fetch() == Answer("tt70000001", 422, body)


def test_an_outage_ends_the_run_within_its_budget(start: Start) -> None:
    source = start({EVERY_PATH: [Fault(503)] * 1000})
    with pytest.raises(Unavailable, match=r"fails too often; the last time: /3/movie/tt\d+.*: answered 503"):
        list(source.tmdb.fetch_movies([f"tt7{n:07}" for n in range(500)]))
    assert len(source.app.paths_requested) <= RETRIES_AT_START + 16


def test_nobody_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: 0)
    with Tmdb(Transport("http://127.0.0.1:9", TOKEN, 8), 1e9) as tmdb, pytest.raises(Unavailable, match="NewConnectionError"):
        list(tmdb.fetch_movies([f"tt7{n:07}" for n in range(500)]))


def test_a_name_that_does_not_resolve_and_a_bad_certificate_are_failed_calls(start: Start) -> None:
    with pytest.raises(CallFailed, match="NameResolutionError"):
        Transport("http://tmdb.invalid", TOKEN, 1).get(ONE)
    with pytest.raises(CallFailed, match=r"SSLError|ProtocolError|ConnectionReset"):
        Transport(start().base_url.replace("http:", "https:"), TOKEN, 1).get(ONE)


def test_silence_and_a_trickle_meet_the_deadline(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(http_module, "CALL_SECONDS", 0.5)
    source = start({ONE: [Fault(delay_seconds=1), Fault(seconds_between_bytes=0.05)]})
    assert source.fetch() == Answer("tt70000001", 200, render(MOVIES[0]))
    assert len(source.app.paths_requested) == 3


def test_a_body_without_end_and_a_gzip_bomb_are_refused(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "LARGEST_BYTES", 1 << 20)
    bomb = gzip.compress(bytes(64 << 20))
    source = start({ONE: [Fault(200, bytes(2 << 20)), Fault(200, bomb, {"Content-Encoding": "gzip"})]})
    transport = Transport(source.base_url, TOKEN, 1)
    for _ in range(2):
        with pytest.raises(CallFailed, match="longer than 1048576 bytes"):
            transport.get(ONE)
    assert transport.get(ONE).status == 200


def test_a_gzipped_body_is_kept_as_what_it_says(start: Start) -> None:
    packed = gzip.compress(render(MOVIES[0]))
    assert start({ONE: [Fault(200, packed, {"Content-Encoding": "gzip"})]}).fetch() == Answer(
        "tt70000001", 200, render(MOVIES[0])
    )


@pytest.mark.parametrize("target", ["https://elsewhere.example/3/movie/1", "/3/movie/101"])
def test_a_redirect_is_not_followed_and_the_token_stays_here(start: Start, target: str) -> None:
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
def test_pages_for_one_movie_condemn_no_setting_once_tmdb_has_answered(start: Start, stray: Fault) -> None:
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


def test_retry_after_holds_every_thread_and_is_capped(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[float] = []
    monkeypatch.setattr(RateLimiter, "hold", lambda _, seconds: held.append(seconds))
    monkeypatch.setattr(RateLimiter, "pause", lambda _, seconds: None)
    in_ten = format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True)
    waits = ["7", in_ten, "86400", "9" * 400]
    source = start({ONE: [Fault(429, TOO_MANY, {"Retry-After": wait}) for wait in waits]})
    assert source.fetch() is not None
    assert held[0] == 7
    assert 7 < held[1] <= 10
    assert held[2:] == [60, 60]


def test_the_rate_is_kept_over_all_threads(start: Start) -> None:
    source = start(rate=100)
    began = time.monotonic()
    list(source.tmdb.fetch_movies(["tt70000001"] * 60))
    assert time.monotonic() - began >= 0.58


def test_changes_of_forty_days_come_once_each(start: Start) -> None:
    source = start()
    end = CHANGES_DAY + timedelta(days=39)
    assert source.tmdb.fetch_changes(CHANGES_DAY, end) == list(range(1000, 1450))
    assert source.tmdb.fetch_changes(CHANGES_DAY, CHANGES_DAY) == [1000 + n for n in range(0, 450, 40)]
    assert source.tmdb.fetch_changes(end + timedelta(days=1), end + timedelta(days=2)) == []


def page(ids: list[int], total: int) -> Fault:
    results = ",".join(f'{{"id": {one}}}' for one in ids)
    return Fault(200, f'{{"results": [{results}], "page": 1, "total_pages": {total}}}'.encode())


def test_a_list_that_grows_and_shrinks_while_it_is_read(start: Start) -> None:
    source = start({"/3/movie/changes": [page([1, 2], 2), page([2, 3], 4), page([4], 4), page([1], 3)]})
    assert source.tmdb.fetch_changes(CHANGES_DAY, CHANGES_DAY) == [1, 2, 3, 4]
    assert len(source.app.paths_requested) == 4


def test_a_list_longer_than_tmdb_gives_is_asked_for_in_halves(start: Start) -> None:
    source = start({"/3/movie/changes": [page([1], 501), page([2], 1), page([3], 1)]})
    assert source.tmdb.fetch_changes(CHANGES_DAY, CHANGES_DAY + timedelta(days=3)) == [2, 3]
    assert len(source.app.paths_requested) == 3


def test_a_page_that_never_comes_fails_the_run(start: Start) -> None:
    source = start({"/3/movie/changes": [page([1], 2), *[Fault(500)] * 5]})
    with pytest.raises(Unavailable, match="does not give page 2 of the changes"):
        source.tmdb.fetch_changes(CHANGES_DAY, CHANGES_DAY)
    refused = start({"/3/movie/changes": [Fault(422, b'{"status_code": 20, "status_message": "Invalid date range"}')]})
    with pytest.raises(Unavailable, match="Invalid date range"):
        refused.tmdb.fetch_changes(CHANGES_DAY, CHANGES_DAY)
    strange = start({"/3/movie/changes": [Fault(200, b"{}")]})
    with pytest.raises(BadInput):
        strange.tmdb.fetch_changes(CHANGES_DAY, CHANGES_DAY)


def test_the_token_is_in_no_url_and_no_log(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    source = start({ONE: [Fault(500), Fault(cut_after=3), Fault(401, INVALID_KEY)]})
    with pytest.raises(AccessDenied) as refused:
        source.fetch()
    assert ONE in caplog.text
    assert TOKEN not in caplog.text + str(refused.value) + repr(refused.value.__cause__)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "ümlaut", "\x00"])
def test_a_token_that_is_none_is_a_wrong_setting_that_is_not_shown(token: str) -> None:
    with pytest.raises(BadSetting, match="TMDB_ACCESS_TOKEN is not a bearer token") as wrong:
        Transport("http://127.0.0.1:9", token, 1)
    assert not token.strip() or token not in str(wrong.value)


@pytest.mark.parametrize("base_url", ["", "api.themoviedb.org", "ftp://api.themoviedb.org", "http://"])
def test_a_wrong_address_is_a_wrong_setting(base_url: str) -> None:
    with pytest.raises(BadSetting, match="TMDB_BASE_URL"):
        Transport(base_url, TOKEN, 1)


def test_a_client_is_made_from_settings() -> None:
    class Given:
        tmdb_base_url = "https://api.themoviedb.org/"
        tmdb_access_token: SecretStr | None = SecretStr(f" {TOKEN}\n")
        tmdb_requests_per_second = 35.0

    with Tmdb.from_settings(Given()):
        pass
    Given.tmdb_access_token = None
    with pytest.raises(BadSetting, match="TMDB_ACCESS_TOKEN"):
        Tmdb.from_settings(Given())


def test_patience_grows_back_with_success() -> None:
    patience = RetryBudget()
    for _ in range(RETRIES_AT_START):
        patience.take("x")
    for _ in range(10):
        patience.restore()
    patience.take("x")
    with pytest.raises(Unavailable, match="the last time: x"):
        patience.take("x")


def test_the_end_wakes_who_waits() -> None:
    pace = RateLimiter(0.001)
    pace.wait()
    pace.end()
    with pytest.raises(Unavailable, match="ended before"):
        pace.wait()
