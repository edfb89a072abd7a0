"""The TMDB client against the local source server, at its best and at its worst."""

import gzip

import pytest

import tasks.io.tmdb.client as tmdb_module
import tasks.io.tmdb.http as http_module
from infra.sources.faults import EVERY_PATH, Fault
from tasks.core.errors import Unavailable
from tasks.core.tmdb.batch import Answer
from tasks.io.tmdb.client import Tmdb
from tasks.io.tmdb.http import CallFailed, Transport
from tasks.io.tmdb.limits import RETRIES_AT_START
from tests.infra.sources.folder import render
from tests.tasks.core.tmdb.bodies import HTML, NOT_FOUND, TOO_MANY
from tests.tasks.io.tmdb.source import MOVIES, ONE, TOKEN, Start

pytestmark = pytest.mark.integration


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
def test_temporary_errors_are_retried(start: Start, faults: list[Fault]) -> None:
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


def test_a_closed_port_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_gzipped_body_is_stored_decompressed(start: Start) -> None:
    packed = gzip.compress(render(MOVIES[0]))
    assert start({ONE: [Fault(200, packed, {"Content-Encoding": "gzip"})]}).fetch() == Answer(
        "tt70000001", 200, render(MOVIES[0])
    )
