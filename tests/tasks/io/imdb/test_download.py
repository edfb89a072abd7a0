"""Fetching a large file from a server that cuts, fails, changes its mind, or is not there."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tasks.core.errors import BadInput, BadSetting, Unavailable
from tasks.core.imdb.raw_file import Validators
from tasks.io.imdb import download as imdb_http
from tasks.io.imdb.download import TRIES, download
from tasks.io.retries import read_retry_after
from tests.tasks.io.http_faults import FileServer, serve

pytestmark = pytest.mark.integration  # a real server on loopback

CONTENT = random.Random(1).randbytes(300_000)


class Received:
    """The bytes of the file so far."""

    def __init__(self) -> None:
        self.content = bytearray()

    @property
    def size(self) -> int:
        return len(self.content)

    def write(self, piece: bytes) -> None:
        self.content += piece

    def clear(self) -> None:
        self.content.clear()


@pytest.fixture
def received() -> Received:
    return Received()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses asked for, none of them taken."""
    taken: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", taken.append)
    return taken


def test_a_whole_file(received: Received) -> None:
    with serve(FileServer(CONTENT)) as server:
        assert download(server.url, received, None) == Validators(server.etag, server.last_modified)
    assert bytes(received.content) == CONTENT
    assert server.requests[0]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("etag", ['"v1"', None])
def test_a_file_that_has_not_changed_is_not_sent(etag: str | None, received: Received) -> None:
    with serve(FileServer(CONTENT, etag=etag)) as server:
        assert download(server.url, received, Validators(etag, server.last_modified)) is None
        assert not received.content
        assert download(server.url, received, Validators('"v0"', None))


def test_a_cut_body_is_continued_where_it_was_cut(received: Received, pauses: list[float]) -> None:
    with serve(FileServer(CONTENT, faults=[("cut", 100_000), ("cut", 1), ("cut", 0)])) as server:
        download(server.url, received, None)
    assert bytes(received.content) == CONTENT
    assert [request.get("Range") for request in server.requests] == [None, "bytes=100000-", "bytes=100001-", "bytes=100001-"]
    assert len(pauses) == 3


@pytest.mark.parametrize(("etag", "last_modified"), [('W/"weak"', None), (None, None)])
def test_a_cut_body_of_no_certain_version_is_sent_anew(
    etag: str | None, last_modified: str | None, received: Received, pauses: list[float]
) -> None:
    with serve(FileServer(CONTENT, etag, last_modified, faults=[("cut", 100_000)])) as server:
        download(server.url, received, None)
    assert bytes(received.content) == CONTENT
    assert "Range" not in server.requests[1]
    assert len(pauses) == 1


def test_a_server_without_ranges_sends_anew(received: Received, pauses: list[float]) -> None:
    with serve(FileServer(CONTENT, ranges=False, faults=[("cut", 100_000)])) as server:
        download(server.url, received, None)
    assert bytes(received.content) == CONTENT
    assert len(pauses) == 1


def test_a_file_that_changes_between_the_parts_is_never_a_mixture(received: Received, pauses: list[float]) -> None:
    other = bytes(reversed(CONTENT))
    with serve(FileServer(CONTENT, faults=[("cut", 100_000), ("swap", (other, '"v2"'))])) as server:
        version = download(server.url, received, None)
    assert version is not None
    assert version.etag == '"v2"'
    assert bytes(received.content) == other
    assert len(pauses) == 1


def test_a_part_that_does_not_fit_is_discarded(received: Received, pauses: list[float]) -> None:
    with serve(FileServer(CONTENT, faults=[("cut", 100_000), ("unlike", "bytes 5-299999/300000")])) as server:
        download(server.url, received, None)
    assert bytes(received.content) == CONTENT
    assert len(pauses) == 2


def test_a_server_that_has_no_rest_to_send_is_asked_for_the_whole_file(received: Received, pauses: list[float]) -> None:
    faults: list[tuple[str, object]] = [("cut", 100_000), ("status", (416, {"Content-Range": "bytes */50"}))]
    with serve(FileServer(CONTENT, faults=faults)) as server:
        download(server.url, received, None)
    assert bytes(received.content) == CONTENT
    assert [request.get("Range") for request in server.requests] == [None, "bytes=100000-", None]
    assert len(pauses) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 302, 408, 416, 425, 429, 500, 502, 503, 504])
def test_a_server_that_recovers(status: int, received: Received, pauses: list[float]) -> None:
    with serve(FileServer(CONTENT, faults=[("status", (status, {})), ("status", (503, {"Retry-After": "7"}))])) as server:
        download(server.url, received, None)
    assert bytes(received.content) == CONTENT
    assert pauses[0] <= 1
    assert pauses[1] == 7


def test_a_server_that_does_not_recover(received: Received, pauses: list[float]) -> None:
    faults = [("status", (503, {"Retry-After": "86400"}))] * 20
    with (
        serve(FileServer(CONTENT, faults=list(faults))) as server,
        pytest.raises(Unavailable, match=f"answers 503; gave up after {TRIES} tries"),
    ):
        download(server.url, received, None)
    assert pauses == [60.0] * (TRIES - 1)
    assert not received.content


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((401, {}), "answers 401"),
        ((403, {}), "answers 403"),
        ((404, {}), r"title\.basics\.tsv\.gz: answers 404"),
        ((302, {"Location": "http://elsewhere.example/"}), "answers 302 and points to http://elsewhere.example/"),
        ((304, {}), "answers 304"),
    ],
)
def test_an_address_that_answers_4xx_at_every_try_is_a_wrong_setting(
    answer: tuple[int, dict[str, str]], message: str, received: Received, pauses: list[float]
) -> None:
    with (
        serve(FileServer(CONTENT, faults=[("status", answer)] * TRIES)) as server,
        pytest.raises(BadSetting, match=f"IMDB_BASE_URL: .*{message}; gave up after {TRIES} tries"),
    ):
        download(server.url, received, None)
    assert len(pauses) == TRIES - 1


def test_a_server_that_is_not_there(received: Received, pauses: list[float]) -> None:
    with serve(FileServer(CONTENT)) as server:
        pass
    with pytest.raises(Unavailable, match="gave up after"):
        download(server.url, received, None)
    assert len(pauses) == TRIES - 1


@pytest.mark.parametrize("url", ["no-scheme/f", "gopher://host/f", "http://[::1/f"])
def test_a_malformed_address_is_a_wrong_setting(url: str, received: Received) -> None:
    with pytest.raises(BadSetting, match="IMDB_BASE_URL"):
        download(url, received, None)


def test_a_trickling_server_meets_the_deadline(received: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imdb_http, "DEADLINE_SECONDS", 0.5)
    with (
        serve(FileServer(CONTENT[:40], seconds_a_byte=0.05)) as server,
        pytest.raises(Unavailable, match=r"bytes came in 0\.5 s"),
    ):
        download(server.url, received, None)


@pytest.mark.parametrize("declared", [True, False])
def test_a_file_longer_than_any(declared: bool, received: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imdb_http, "LARGEST_BYTES", 1000)
    with serve(FileServer(CONTENT, declare_length=declared)) as server, pytest.raises(BadInput, match="no IMDb file is longer"):
        download(server.url, received, None)


def test_read_retry_after() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < (read_retry_after(soon) or 0) <= 30
    assert read_retry_after("Sun, 01 Jan 2023 00:00:00 GMT") == 0
    assert read_retry_after(" 12 ") == 12
    assert [read_retry_after(text) for text in (None, "", "soon", "-1", "1.5", "Sun, 01 Jan 2023 00:00:00")] == [None] * 6
