"""The local source server behaves as IMDb's host and TMDB do, rejections included."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.platform.layout import REPOSITORY
from infra.platform.ports import find_free_ports
from infra.sources.server import create_app
from infra.sources.tmdb_api import GENRES, REJECTIONS
from tests.infra.sources.client import Client
from tests.infra.sources.folder import BASICS, make_movie, render, write_folder
from tests.log_shape import check_line
from tests.recordings import RECORDINGS, read_recordings

ALL = "append_to_response=credits,keywords,external_ids,release_dates"
TODAY = datetime.now(UTC).date()
MOVIES = [make_movie(1), make_movie(2, title="Zwölf")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    changes = [((TODAY - timedelta(days=3)).isoformat(), 1000 + n) for n in range(205)]
    return write_folder(tmp_path / "source", MOVIES, [*changes, (TODAY.isoformat(), 101), (TODAY.isoformat(), 101)])


@pytest.fixture
def client(folder: Path) -> Client:
    return Client(create_app(folder), headers={"Authorization": "Bearer any"})


def rejection(code: int) -> tuple[int, dict[str, object]]:
    status, message = REJECTIONS[code]
    return status, {"success": False, "status_code": code, "status_message": message}


@pytest.mark.parametrize("movie_id", ["tt70000002", "102"])
def test_a_movie_with_all_sections_keeps_its_bytes(client: Client, movie_id: str) -> None:
    answer = client.get(f"/3/movie/{movie_id}?{ALL}")
    assert (answer.status_code, answer.content) == (200, render(MOVIES[1]))
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_sections_that_were_not_requested_are_left_out(client: Client) -> None:
    bare = client.get("/3/movie/101").json()
    assert bare == {key: value for key, value in MOVIES[0].items() if key not in {"credits", "keywords", "external_ids"}}
    assert "credits" in client.get("/3/movie/101?append_to_response=credits,images").json()


@pytest.mark.parametrize(
    "path", ["movie/tt99999999", "movie/999999999", "movie/abc", "movie/١٢", "movie", "tv/1396", "movie/1/x/y"]
)
def test_an_unknown_path_is_rejected_with_tmdbs_message(client: Client, path: str) -> None:
    answer = client.get(f"/3/{path}")
    assert (answer.status_code, answer.json()) == rejection(34)


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer ", "Basic YTpi", "any"])
def test_a_bearer_token_is_required(folder: Path, header: str | None) -> None:
    client = Client(create_app(folder), headers={"Authorization": header} if header else {})
    for path in ("movie/tt70000001", "movie/tt99999999", "genre/movie/list"):
        answer = client.get(f"/3/{path}?api_key=abc")
        assert (answer.status_code, answer.json()) == rejection(7)


def test_a_token_that_was_set_must_be_sent(folder: Path) -> None:
    client = Client(create_app(folder, token="right"))
    assert client.get("/3/movie/101", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert client.get("/3/movie/101", headers={"Authorization": "bearer right"}).status_code == 200


def test_above_the_rate_it_answers_429_with_retry_after(folder: Path) -> None:
    client = Client(create_app(folder, requests_per_second=3), headers={"Authorization": "Bearer any"})
    answers = [client.get("/3/movie/101") for _ in range(6)]
    assert [answer.status_code for answer in answers[:3]] == [200, 200, 200]
    assert (answers[5].status_code, answers[5].json()) == rejection(25)
    assert answers[5].headers["retry-after"] == "1"


def test_find_gives_the_movie_in_its_short_form(client: Client) -> None:
    found = client.get("/3/find/tt70000002?external_source=imdb_id").json()
    [movie] = found.pop("movie_results")
    assert (movie["id"], movie["title"], movie["media_type"], movie["genre_ids"]) == (102, "Zwölf", "movie", [18])
    assert found == {"person_results": [], "tv_results": [], "tv_episode_results": [], "tv_season_results": []}
    assert client.get("/3/find/tt99999999?external_source=imdb_id").json()["movie_results"] == []
    assert client.get("/3/find/tt70000002?external_source=tvdb_id").json()["movie_results"] == []
    assert client.get("/3/find/tt70000002").status_code == 422


def test_changes_come_in_pages_of_a_hundred(client: Client) -> None:
    window = f"start_date={TODAY - timedelta(days=4)}&end_date={TODAY - timedelta(days=1)}"
    pages = [client.get(f"/3/movie/changes?{window}&page={page}").json() for page in (1, 2, 3, 4)]
    assert [len(page["results"]) for page in pages] == [100, 100, 5, 0]
    assert {(page["total_pages"], page["total_results"]) for page in pages} == {(3, 205)}
    assert [page["page"] for page in pages] == [1, 2, 3, 4]
    assert client.get("/3/movie/changes").json()["results"] == [{"id": 101, "adult": False}]


def test_no_changes_are_one_empty_page(client: Client) -> None:
    empty = client.get("/3/movie/changes?start_date=2001-01-01&end_date=2001-01-02").json()
    assert empty == {"results": [], "page": 1, "total_pages": 1, "total_results": 0}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("start_date=2001-01-01&end_date=2001-01-16", 20),
        ("start_date=2001-01-02&end_date=2001-01-01", 20),
        ("start_date=yesterday", 5),
        ("page=0", 22),
        ("page=501", 22),
        ("page=x", 22),
    ],
)
def test_a_wrong_list_of_changes_is_rejected(client: Client, query: str, code: int) -> None:
    answer = client.get(f"/3/movie/changes?{query}")
    assert (answer.status_code, answer.json()) == rejection(code)


def test_imdbs_files_can_be_requested_conditionally_and_in_part(client: Client, folder: Path) -> None:
    data = (folder / "imdb" / "title.basics.tsv.gz").read_bytes()
    answer = client.get("/title.basics.tsv.gz")
    assert (answer.status_code, answer.content) == (200, data)
    assert answer.headers["content-type"] == "binary/octet-stream"
    assert answer.headers["accept-ranges"] == "bytes"
    etag, modified = answer.headers["etag"], answer.headers["last-modified"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', etag)

    same = client.get("/title.basics.tsv.gz", headers={"If-None-Match": f'"x", W/{etag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert client.get("/title.basics.tsv.gz", headers={"If-None-Match": '"x"'}).status_code == 200
    assert client.get("/title.basics.tsv.gz", headers={"If-Modified-Since": modified}).status_code == 304
    assert client.get("/title.basics.tsv.gz", headers={"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}).status_code == 200
    assert client.get("/title.basics.tsv.gz", headers={"If-Modified-Since": "lately"}).status_code == 200

    part = client.get("/title.basics.tsv.gz", headers={"Range": "bytes=10-", "If-Range": etag})
    assert (part.status_code, part.content) == (206, data[10:])
    assert part.headers["content-range"] == f"bytes 10-{len(data) - 1}/{len(data)}"
    assert client.get("/title.basics.tsv.gz", headers={"Range": "bytes=10-", "If-Range": '"x"'}).content == data
    assert client.get("/title.basics.tsv.gz", headers={"Range": f"bytes={len(data)}-"}).status_code == 416


def test_an_etag_names_the_bytes(client: Client, folder: Path) -> None:
    before = client.get("/title.basics.tsv.gz").headers["etag"]
    write_folder(folder, MOVIES)
    assert client.get("/title.basics.tsv.gz").headers["etag"] == before
    (folder / "imdb" / "title.basics.tsv.gz").write_bytes(BASICS.encode())
    assert client.get("/title.basics.tsv.gz").headers["etag"] != before


@pytest.mark.parametrize("path", ["title.crew.tsv.gz", "title.secret.tsv.gz", "..%2f..%2fetc%2fpasswd", "server.py"])
def test_a_missing_file_gets_imdbs_answer(client: Client, path: str) -> None:
    answer = client.get(f"/{path}")
    assert answer.status_code in {403, 404}
    assert b"root:" not in answer.content


def test_its_health_can_be_checked(client: Client) -> None:
    assert client.get("/healthz").text == "ok\n"


def test_a_folder_of_other_files_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"is not a source folder: it has no imdb/title\.basics\.tsv\.gz"):
        create_app(tmp_path)


def test_a_folder_without_tmdb_is_a_tmdb_that_knows_no_movie(folder: Path) -> None:
    (folder / "tmdb" / "movies.jsonl.gz").unlink()
    client = Client(create_app(folder), headers={"Authorization": "Bearer any"})
    assert client.get("/3/movie/101").status_code == 404


@pytest.mark.real_data
@pytest.mark.skipif(not RECORDINGS.exists(), reason=f"{RECORDINGS} is not there")
def test_it_answers_as_tmdb_was_recorded_to(client: Client) -> None:
    recorded = {(one.path, tuple(one.params)): one for one in read_recordings()}
    for path in ("/3/movie/999999999", "/3/network/999999999"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (404, json.loads(recorded[path, ()].body))
    assert client.get("/3/genre/movie/list").json() == json.loads(recorded["/3/genre/movie/list", ()].body)
    assert len(GENRES) == 19
    for query, path in (("page=1", "/3/movie/changes"), ("external_source=imdb_id", "/3/find/tt0088247")):
        theirs = json.loads(recorded[path, (query.split("=")[0],)].body)
        ours = client.get(f"{path.replace('tt0088247', 'tt70000001')}?{query}").json()
        assert ours.keys() == theirs.keys()
    assert ours["movie_results"][0].keys() == theirs["movie_results"][0].keys()


@pytest.mark.integration
def test_it_logs_its_start_in_the_shape_of_all_services(folder: Path) -> None:
    port, _ = find_free_ports(1)
    command = [sys.executable, "-m", "infra.sources.server", "--folder", str(folder), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        line = check_line(process.stdout.readline())
        process.terminate()
    assert (line["service"], line["message"]) == ("sources", f"serving {folder} on 127.0.0.1:{port}")
