"""The source server with the sample's world: its day is kept, moves on only, and decides what both sources answer."""

import asyncio
import gzip
import json
import os
from datetime import UTC, date, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from infra.sources.server import create_world_app
from infra.sources.world.store import LONGEST_STEP, ServedWorld
from tests.infra.sources.client import Client

NOW = datetime.now(UTC)
TODAY = NOW.date()
TOKEN = {"Authorization": "Bearer any"}


class StoppedClock(datetime):
    """A clock that stands at NOW, so that no midnight falls between two looks."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "StoppedClock":
        return cls.fromtimestamp(NOW.timestamp(), tz)


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.sources.world.store.datetime", StoppedClock)


def serve(folder: Path, scenario: str = "none", seed: int = 1) -> Client:
    return Client(create_world_app(ServedWorld(folder, 100, seed, scenario)), headers=TOKEN)


def move(client: Client, body: object) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(client._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sources") as http:
            return await http.put("/world", json=body)

    return asyncio.run(ask())


def read_ratings(client: Client) -> dict[str, int]:
    lines = gzip.decompress(client.get("/title.ratings.tsv.gz").content).decode().splitlines()[1:]
    return {fields[0]: int(fields[2]) for fields in (line.split("\t") for line in lines)}


def test_the_world_begins_today_and_stands_still(tmp_path: Path) -> None:
    assert serve(tmp_path).get("/world").json() == {"day": f"{TODAY}", "seed": 1, "movies": 100, "scenarios": []}
    write_day(tmp_path, date(2026, 8, 1))
    assert serve(tmp_path).get("/world").json()["day"] == "2026-08-01"


def write_day(folder: Path, day: date, scenarios: tuple[str, ...] = ()) -> None:
    (folder / "world.json").write_text(json.dumps({"day": f"{day}", "scenarios": scenarios}))


def test_a_move_is_described_stored_and_seen_in_both_sources(tmp_path: Path) -> None:
    write_day(tmp_path, date(2026, 7, 1))
    client = serve(tmp_path)
    votes, first = read_ratings(client), client.get("/title.ratings.tsv.gz")
    answer = move(client, {"day": "2027-03-01"})
    assert answer.status_code == 200
    assert answer.json()["day"] == "2027-03-01"
    assert answer.json()["told"].startswith("announced ")
    later, second = read_ratings(client), client.get("/title.ratings.tsv.gz")
    assert sum(later.values()) > sum(votes.values())
    assert second.headers["etag"] != first.headers["etag"]
    assert parsedate_to_datetime(second.headers["last-modified"]) == datetime(2027, 3, 1, 1, tzinfo=UTC)
    changes = client.get("/3/movie/changes?start_date=2027-02-20&end_date=2027-03-01").json()
    assert changes["total_results"] > 0
    assert client.get("/3/movie/changes?start_date=2027-03-02&end_date=2027-03-09").json()["results"] == []
    again = serve(tmp_path)
    assert again.get("/world").json()["day"] == "2027-03-01"
    assert again.get("/title.ratings.tsv.gz").headers["etag"] == second.headers["etag"]
    assert os.listdir(tmp_path / "files") == ["2027-03-01"], "files of other days are removed"


def test_the_same_day_again_changes_nothing(tmp_path: Path) -> None:
    client = serve(tmp_path)
    first = client.get("/title.basics.tsv.gz", headers={"if-none-match": "x"})
    assert not any(character in "123456789" for character in move(client, {"day": f"{TODAY}"}).json()["told"])
    assert client.get("/title.basics.tsv.gz", headers={"if-none-match": first.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    "day", [f"{TODAY - timedelta(1)}", f"{TODAY + timedelta(LONGEST_STEP + 1)}", "soon", "", None, 20261126, ["2026-12-01"]]
)
def test_a_wrong_move_is_rejected_with_the_reason_and_changes_nothing(tmp_path: Path, day: object) -> None:
    client = serve(tmp_path)
    answer = move(client, {"day": day})
    assert answer.status_code == 422
    assert "day" in answer.json()["detail"]
    assert client.get("/world").json()["day"] == f"{TODAY}"
    assert move(client, ["2026-12-01"]).status_code == 422


def test_a_scenario_acts_from_tomorrow_on_and_ends_the_same_way(tmp_path: Path) -> None:
    write_day(tmp_path, date(2026, 7, 1))
    client = serve(tmp_path, "drift")
    assert client.get("/world").json()["scenarios"] == ["drift@2026-07-02"]
    move(client, {"day": "2026-07-20"})
    assert serve(tmp_path, "drift").get("/world").json()["scenarios"] == ["drift@2026-07-02"]
    assert serve(tmp_path).get("/world").json()["scenarios"] == ["drift@2026-07-02", "none@2026-07-21"]


def test_tmdb_answers_with_the_days_movie_and_imdb_only_with_its_files(tmp_path: Path) -> None:
    write_day(tmp_path, date(2026, 7, 1))
    client = serve(tmp_path)
    ids = [line.split("\t")[0] for line in gzip.decompress(client.get("/title.basics.tsv.gz").content).decode().splitlines()]
    answers = [client.get(f"/3/movie/{key}") for key in ids if key.startswith("tt700000")]
    assert {answer.status_code for answer in answers} == {200, 404}
    body = next(answer.json() for answer in answers if answer.status_code == 200 and answer.json()["id"])
    assert client.get(f"/3/movie/{body['id']}").json() == body
    assert client.get("/world.json").status_code == client.get("/title.akas.tsv.gz").status_code == 403


def test_a_damaged_state_is_set_aside_and_the_world_begins_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "world.json").write_bytes(b"\0" * 40)
    assert serve(tmp_path).get("/world").json()["day"] == f"{TODAY}"
    assert (tmp_path / "world.damaged").read_bytes() == b"\0" * 40
    assert "the world's day is lost" in caplog.text
