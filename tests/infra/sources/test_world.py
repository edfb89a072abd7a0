"""Tests the laws of the sample's world from one day to another, and that a day is computed independently of others."""

import gzip
import hashlib
import json
import statistics
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from infra.sources.sample_imdb import HEADERS
from infra.sources.sample_movies import MIN_VOTES, TODAY
from infra.sources.world.catalogue import Catalogue, Entry
from infra.sources.world.history import tell
from infra.sources.world.timeline import UNEVENTFUL, Timeline, parse_changes
from infra.sources.world.world import World, WorldDay

MOVIES, YEAR = 2000, 365
DAYS = [TODAY + timedelta(days) for days in (0, 1, 30, 90, 180, YEAR, 2 * YEAR, 5 * YEAR)]


@cache
def entries_on(day: date) -> dict[str, Entry]:
    return {entry.movie.tconst: entry for entry in catalogue().entries_on(day)}


@cache
def catalogue() -> Catalogue:
    return Catalogue(1, MOVIES, UNEVENTFUL)


def digest(day: WorldDay) -> dict[str, str]:
    files = {name: day.render_imdb(name) for name in HEADERS}
    files["tmdb"] = b"".join(map(day.render_tmdb, day.by_imdb_id.values()))
    files["changes"] = str(list(day.list_changes(day.day - timedelta(13), day.day))).encode()
    return {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}


def test_a_day_is_the_same_bytes_alone_and_after_other_days() -> None:
    day = TODAY + timedelta(150)
    walked = World(1, 300, UNEVENTFUL)
    for step in (0, 30, 400, 149):
        digest(walked.day(TODAY + timedelta(step)))
    assert digest(walked.day(day)) == digest(World(1, 300, UNEVENTFUL).day(day))
    assert digest(World(2, 300, UNEVENTFUL).day(day)) != digest(walked.day(day))


def test_the_first_day_is_fixed() -> None:
    with pytest.raises(ValueError, match="begins on 2026-06-30"):
        World(1, 100, UNEVENTFUL).day(TODAY - timedelta(1))


@pytest.mark.parametrize("day", DAYS)
def test_votes_begin_at_the_release_and_ratings_with_five_votes(day: date) -> None:
    movies = [entry.movie for entry in entries_on(day).values()]
    assert all(movie.votes == 0 and movie.rating is None for movie in movies if movie.released > day)
    assert all((movie.rating is not None) == (movie.votes >= MIN_VOTES) for movie in movies)
    assert all(1 <= movie.rating <= 9.8 for movie in movies if movie.rating is not None)
    assert any(movie.released > day for movie in movies)


def test_votes_only_grow_and_a_release_date_is_put_off_only_before_it_comes() -> None:
    for first, second in pairwise(DAYS):
        before, after = entries_on(first), entries_on(second)
        both = before.keys() & after.keys()
        assert all(before[key].movie.votes <= after[key].movie.votes for key in both)
        assert all(before[key].movie.released <= after[key].movie.released for key in both)
        assert all(before[key].movie.released == after[key].movie.released for key in both if before[key].movie.released <= first)


def test_votes_arrive_soon_after_the_release_and_hardly_after_years() -> None:
    released = [entry.life for entry in entries_on(DAYS[-1]).values() if TODAY < entry.movie.released < DAYS[4]]
    shares = {
        age: statistics.mean(
            life.votes_on(life.released_on(NEVER_DAY) + age) / life.votes_on(life.released_on(NEVER_DAY) + 3 * YEAR)
            for life in released
            if life.audience > 100
        )
        for age in (0, 30, 180, YEAR)
    }
    assert 0 < shares[0] < 0.2 < shares[30] < 0.65 < shares[180] < 0.92 < shares[YEAR] <= 1


NEVER_DAY = DAYS[-1].toordinal()


def test_ratings_converge() -> None:
    lives = [entry.life for entry in entries_on(TODAY).values()]
    spread = {votes: statistics.pstdev(life.mean_of(votes) - life.merit for life in lives) for votes in (10, 100, 1000, 100_000)}
    assert all(abs(spread[votes] * votes**0.5 / 2 - 1) < 0.15 for votes in spread), spread


def test_ids_are_never_used_again() -> None:
    people: dict[str, str] = {}
    made: dict[str, Entry] = {}
    tmdb_ids: dict[int, str] = {}
    for day in DAYS:
        for key, entry in entries_on(day).items():
            movie = entry.movie
            assert made.setdefault(key, entry).movie.cast == movie.cast, "the same id is the same movie"
            assert tmdb_ids.setdefault(movie.tmdb_id, key) == key
            for person in (*movie.directors, *movie.writers, *movie.cast, movie.producer, movie.composer):
                assert people.setdefault(person.nconst, person.name) == person.name
    for first, second, third in zip(DAYS, DAYS[1:], DAYS[2:], strict=False):
        deleted = entries_on(first).keys() - entries_on(second).keys()
        assert not deleted & entries_on(third).keys(), "a deleted movie does not come back"


def test_new_movies_are_announced_and_people_go_on_with_their_careers() -> None:
    first, last = entries_on(TODAY), entries_on(TODAY + timedelta(YEAR))
    new = [entry.movie for key, entry in last.items() if key not in first]
    rate = len(new) / MOVIES
    assert 0.02 < rate < 0.05
    known = {person for entry in first.values() for person in entry.movie.cast}
    share = statistics.mean(person in known for movie in new for person in movie.cast)
    assert 0.7 < share < 0.97
    assert all(movie.released > TODAY for movie in new)


def test_a_merged_movie_gives_its_votes_to_one_that_stays() -> None:
    last = DAYS[-1]
    merged = [one for one in catalogue().announced_until(last) if one.life.is_merged and one.life.gone_on <= last.toordinal()]
    for one in merged:
        day = date.fromordinal(one.life.gone_on)
        before, after = entries_on(day - timedelta(1)), entries_on(day)
        assert one.movie.tconst in before
        assert one.movie.tconst not in after
        heir = catalogue()._heirs[one]
        gained = after[heir].life.votes_on(day.toordinal()) if heir in after else 0
        assert after[heir].movie.votes >= gained + one.life.votes_on(day.toordinal())
    assert merged


def test_tmdb_lists_what_changed_in_its_answers() -> None:
    first, second = TODAY + timedelta(100), TODAY + timedelta(110)
    world = World(1, MOVIES, UNEVENTFUL)
    before, after = world.day(first), world.day(second)
    listed = {tmdb_id for _, tmdb_id in after.list_changes(first + timedelta(1), second)}

    def describe(day: WorldDay, tmdb_id: int) -> dict[str, object] | None:
        entry = day.by_tmdb_id.get(tmdb_id)
        body = json.loads(day.render_tmdb(entry)) if entry else None
        return body and {key: body[key] for key in ("title", "runtime", "release_date", "credits", "keywords", "overview")}

    keys = before.by_tmdb_id.keys() | after.by_tmdb_id.keys()
    changed = {key for key in keys if describe(before, key) != describe(after, key)}
    assert changed
    assert changed <= listed
    assert len(listed) < MOVIES // 20
    assert not list(after.list_changes(second + timedelta(1), second + timedelta(9))), "nothing of a later day is listed"


def test_a_day_is_described_in_one_line() -> None:
    before, after = (list(entries_on(day).values()) for day in (DAYS[2], DAYS[3]))
    told = tell(before, after, DAYS[2], DAYS[3])
    numbers = {" ".join(words[:-1]): int(words[-1].replace(",", "")) for words in map(str.split, told.split(", "))}
    assert numbers["released"] == sum(DAYS[2] < entry.movie.released <= DAYS[3] for entry in after)
    assert numbers["new votes"] > 1000
    assert numbers["announced"] - numbers["merged"] - numbers["deleted"] == len(after) - len(before)
    same = tell(after, after, DAYS[3], DAYS[3])
    assert not any(character in "123456789" for character in same)


def read_column(day: WorldDay, name: str, column: int) -> list[str]:
    lines = gzip.decompress(day.render_imdb(name)).decode().splitlines()[1:]
    return [fields[column] for fields in (line.split("\t") for line in lines) if len(fields) > column]


START = TODAY + timedelta(30)


@cache
def world_with(scenario: str) -> World:
    return World(1, MOVIES, parse_changes([f"{scenario}@{START}"]))


@pytest.mark.parametrize("scenario", ["drift", "newcomers", "broken_ingest"])
def test_a_scenario_changes_nothing_before_its_day(scenario: str) -> None:
    day = START - timedelta(1)
    assert digest(world_with(scenario).day(day)) == digest(World(1, MOVIES, UNEVENTFUL).day(day))


def test_in_a_drift_new_votes_are_lower_and_judge_genres_the_other_way_round() -> None:
    day = START + timedelta(200)
    usual = {entry.movie.tconst: entry.movie for entry in World(1, MOVIES, UNEVENTFUL).day(day).entries}
    pairs = [
        (usual[entry.movie.tconst], entry.movie)
        for entry in world_with("drift").day(day).entries
        if entry.life.announced < START.toordinal() and entry.movie.released > START and entry.movie.rating is not None
    ]
    changes = {
        genre: statistics.mean((new.rating or 0) - (old.rating or 0) for old, new in pairs if genre in new.genres)
        for genre in ("Horror", "Drama")
    }
    assert changes["Drama"] < -0.7 < changes["Horror"]
    assert all(new.votes == old.votes for old, new in pairs)


def test_newcomers_are_many_and_have_no_earlier_movie() -> None:
    day = START + timedelta(60)
    usual, invaded = World(1, MOVIES, UNEVENTFUL).day(day), world_with("newcomers").day(day)
    known = {person for entry in usual.entries for person in entry.movie.cast}
    new = [entry.movie for entry in invaded.entries if entry.life.announced > START.toordinal()]
    usually = [entry for entry in usual.entries if entry.life.announced > START.toordinal()]
    assert len(new) > 3 * len(usually)
    assert all(person not in known for movie in new for person in (*movie.cast, *movie.directors))
    assert sum(movie.released <= day for movie in new) > len(new) // 2


def test_a_broken_file_keeps_its_format_and_every_fourth_day_is_healthy() -> None:
    def wrong(offset: int) -> tuple[float, float, float]:
        day, usual = START + timedelta(offset), World(1, 300, UNEVENTFUL)
        broken = World(1, 300, parse_changes([f"broken_ingest@{START}"]))
        credits_left = len(read_column(broken.day(day), "title.principals.tsv.gz", 0)) / len(
            read_column(usual.day(day), "title.principals.tsv.gz", 0)
        )
        runtimes = read_column(broken.day(day), "title.basics.tsv.gz", 7)
        ratings = [float(text) for text in read_column(broken.day(day), "title.ratings.tsv.gz", 1) if "," not in text]
        return credits_left, statistics.mean(text == r"\N" for text in runtimes), statistics.median(ratings)

    healthy, halved, null, scaled = (wrong(offset) for offset in range(4))
    assert healthy == wrong(4) == pytest.approx((1, healthy[1], healthy[2]))
    assert 0.5 < halved[0] < 0.55
    assert (null[1], healthy[1] < 0.1) == (1, True)
    assert scaled[2] == pytest.approx(10 * healthy[2], rel=0.02)


def test_scenarios_are_read_from_text_and_follow_one_another() -> None:
    timeline = parse_changes(["drift@2026-07-01", "none@2026-08-01", "drift@2026-09-01"])
    days = (date(2026, 6, 30), date(2026, 7, 1), date(2026, 7, 31), date(2026, 8, 1), date(2027, 1, 1))
    assert [timeline.scenario_on(day) for day in days] == ["none", "drift", "drift", "none", "drift"]
    assert timeline.intervals("drift") == (
        [date(2026, 7, 1).toordinal(), date(2026, 9, 1).toordinal()],
        [date(2026, 8, 1).toordinal(), date.max.toordinal()],
    )
    assert timeline.with_change(date(2026, 12, 1), "drift") == timeline, "it acts already"
    assert Timeline().with_change(TODAY, "none") == UNEVENTFUL
    for text in ("drift", "rain@2026-07-01"):
        with pytest.raises(ValueError, match="is not a scenario"):
            parse_changes([text])
    with pytest.raises(ValueError, match="soon"):
        parse_changes(["drift@soon"])


def test_a_written_day_is_a_source_folder(tmp_path: Path) -> None:
    World(1, 100, UNEVENTFUL).day(TODAY).write(tmp_path / "day")
    names = {str(path.relative_to(tmp_path / "day")) for path in (tmp_path / "day").rglob("*") if path.is_file()}
    assert names == {*(f"imdb/{name}" for name in HEADERS), "tmdb/movies.jsonl.gz", "tmdb/changes.jsonl"}
