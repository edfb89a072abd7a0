"""The movies database on real Postgres."""

import re
from collections.abc import Iterator
from datetime import date

import psycopg
import pyarrow as pa
import pytest
from pydantic import SecretStr

from infra.local.stack import Stack
from tasks.core.errors import AccessDenied, BadSetting, Unavailable, UnknownSchema
from tasks.io.postgres import connection
from tasks.io.postgres.connection import connect
from tasks.io.postgres.tables import NewTable, swap_new_table, upsert
from tasks.settings import Settings
from tests.tasks.settings_factory import own_environment, read_settings

pytestmark = pytest.mark.integration

SHAPE = """select 'column', attname, format_type(atttypid, atttypmod), attnotnull::text, col_description(attrelid, attnum)
        from pg_attribute where attrelid = 'movie'::regclass and attnum > 0
    union all select 'constraint', conname, pg_get_constraintdef(oid), contype::text, null
        from pg_constraint where conrelid = 'movie'::regclass
    union all select 'index', indexname, indexdef, null, null
        from pg_indexes where tablename = 'movie' and schemaname = current_schema
    union all select 'table', obj_description(oid, 'pg_class'), array_to_string(relacl, ' '), null, null
        from pg_class where oid = 'movie'::regclass
    order by 1, 2"""


@pytest.fixture
def settings(stack: Stack) -> Iterator[Settings]:
    with own_environment(stack) as environment:
        yield read_settings(environment)


def movies(*ids: str, title: str = "A") -> pa.Table:
    many = len(ids)
    return pa.table(
        {
            "movie_id": ids,
            "title_type": ["movie"] * many,
            "primary_title": [title] * many,
            "original_title": pa.array([None] * many, pa.string()),
            "is_adult": [False] * many,
            "start_year": pa.array([2001] * many, pa.int16()),
            "end_year": pa.array([None] * many, pa.int16()),
            "runtime_minutes": pa.array([90] * many, pa.int32()),
            "genres": pa.array([["Drama", 'a"b\\c,{d}', ""]] * many, pa.list_(pa.string())),
        }
    )


def titles(conn: psycopg.Connection) -> dict[str, str]:
    return dict(conn.execute("select movie_id, primary_title from movie").fetchall())


def replace_table(conn: psycopg.Connection, table: str, *batches: pa.Table) -> int:
    with NewTable(conn, table) as new:
        for batch in batches:
            new.write(batch)
    swap_new_table(conn, table)
    return new.rows


def test_a_replaced_table_keeps_its_keys_checks_comments_indexes_and_grants(settings: Settings) -> None:
    with connect(settings) as conn:
        conn.execute("create index movie_year on movie (start_year) where start_year > 1900")
        conn.execute('create unique index "movie, Odd" on movie (lower(movie_id))')
        conn.execute("grant select on movie to public")
        before = conn.execute(SHAPE).fetchall()
    for _ in range(2):
        with connect(settings) as conn:
            assert replace_table(conn, "movie", movies("tt0000001"), movies(), movies("tt0000002")) == 2
            assert conn.execute(SHAPE).fetchall() == before
    with connect(settings) as conn:
        rows = conn.execute("select * from movie order by 1").fetchall()
        assert rows[1] == ("tt0000002", "movie", "A", None, False, 2001, None, 90, ["Drama", 'a"b\\c,{d}', ""])
        assert replace_table(conn, "movie", movies()) == 0
        assert titles(conn) == {}


def test_readers_see_the_old_rows_until_the_commit_and_a_failure_leaves_them(settings: Settings) -> None:
    with connect(settings) as conn:
        replace_table(conn, "movie", movies("tt0000001"))

    def replace_and_fail() -> None:
        with connect(settings) as conn:
            with NewTable(conn, "movie") as new:
                new.write(movies("tt0000002"))
                with connect(settings) as reader:
                    assert list(titles(reader)) == ["tt0000001"]
                new.write(movies("tt0000003"))
            swap_new_table(conn, "movie")
            assert list(titles(conn)) == ["tt0000002", "tt0000003"]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        replace_and_fail()
    with pytest.raises(psycopg.errors.UniqueViolation), connect(settings) as conn:
        replace_table(conn, "movie", movies("tt0000004", "tt0000004"))
    with pytest.raises(psycopg.errors.CheckViolation), connect(settings) as conn:
        replace_table(conn, "movie", movies("nm0000004"))
    with connect(settings) as conn:
        assert list(titles(conn)) == ["tt0000001"]


def test_upsert_touches_only_what_differs(settings: Settings) -> None:
    with connect(settings) as conn:
        assert upsert(conn, "movie", movies("tt0000001", "tt0000002"), ["movie_id"]) == 2
        versions = dict(conn.execute("select movie_id, ctid::text from movie").fetchall())
        assert upsert(conn, "movie", movies("tt0000001", "tt0000002"), ["movie_id"]) == 0
        changed = pa.concat_tables([movies("tt0000001", "tt0000003"), movies("tt0000002", title="B")])
        assert upsert(conn, "movie", changed, ["movie_id"]) == 2
        assert titles(conn) == {"tt0000001": "A", "tt0000002": "B", "tt0000003": "A"}
        assert dict(conn.execute("select movie_id, ctid::text from movie").fetchall())["tt0000001"] == versions["tt0000001"]
        assert upsert(conn, "movie", movies(), ["movie_id"]) == 0


def test_upsert_of_some_columns_leaves_the_others(settings: Settings) -> None:
    row = {"source": ["s"], "raw_key": ["k"], "line": [1], "reason": ["r"], "record": ["x"], "seen_on": [date(2026, 11, 22)]}
    with connect(settings) as conn:
        assert upsert(conn, "quarantine", pa.table(row), ["source", "raw_key", "line"]) == 1
        fewer = pa.table({name: value for name, value in row.items() if name != "record"} | {"reason": ["q"], "record": [""]})
        assert upsert(conn, "quarantine", fewer, ["source", "raw_key", "line"]) == 1
        assert conn.execute("select reason, record from quarantine").fetchall() == [("q", "")]
        conn.execute("create table seen (id int primary key, note text default 'new')")
        assert upsert(conn, "seen", pa.table({"id": [1, 2]}), ["id"]) == 2
        assert upsert(conn, "seen", pa.table({"id": [2, 3]}), ["id"]) == 1
        assert conn.execute("select id, note from seen order by 1").fetchall() == [(1, "new"), (2, "new"), (3, "new")]


def test_connecting_does_not_wait_for_a_writer(settings: Settings) -> None:
    with connect(settings) as writer:
        writer.execute("update ingested_file set is_current = false")
        writer.execute("insert into quarantine values ('s', 'k', 1, 'r', 'x', '2026-11-22')")
        with connect(settings) as conn:  # returns while the writer still holds its locks
            assert conn.execute("show lock_timeout").fetchone() == ("1min",)


def test_rows_that_nobody_receives_end_the_session(settings: Settings) -> None:
    """A container that is removed closes nothing; the server alone would send again for a quarter of an hour, with its locks."""
    with connect(settings) as conn:
        assert conn.execute("show tcp_user_timeout").fetchone() == ("120000",), "milliseconds, as the kernel has it"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("drop table {}", "the database movies has no schema, and this release .* needs schema 0.*: run `make up`, or `docker"),
        ("update {} set version_num = '0001'", "has schema 0001, and .*: run `make up`, or `docker compose up setup`"),
        ("update {} set version_num = '9999'", "has schema 9999, and .*: start the tasks of the release that made it"),
    ],
)
def test_the_schema_of_another_release_is_refused(change: str, message: str, settings: Settings) -> None:
    with connect(settings) as conn:
        conn.execute(change.format("movies_schema_version").encode())
    with pytest.raises(UnknownSchema, match=f"MOVIES_DATABASE_URL: .*{message}"), connect(settings):
        pass


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ((r"://movies:[^@]*@", "://movies:wrong@"), AccessDenied, "MOVIES_DATABASE_URL: Postgres refuses"),
        ((r"://movies:[^@]*@", "://movies@"), AccessDenied, "no password supplied"),
        ((r"/movies\?", "/nowhere?"), AccessDenied, "no pg_hba.conf entry"),
        ((r":\d+/", ":1/"), Unavailable, "Connection refused"),
        ((r"^", "secret word"), BadSetting, "MOVIES_DATABASE_URL is not a libpq URL"),
    ],
)
def test_a_connection_that_cannot_be_opened(
    change: tuple[str, str], error: type[Exception], told: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    url = re.sub(*change, settings.movies_database_url.get_secret_value(), count=1)
    wrong = settings.model_copy(update={"movies_database_url": SecretStr(url)})
    with pytest.raises(error, match=told) as caught, connect(wrong):
        pass
    assert "secret word" not in str(caught.value)


def test_a_server_that_ends_the_connection_in_the_middle(settings: Settings) -> None:
    def go_on_without_a_server() -> None:
        with connect(settings) as other, connect(settings) as conn:
            other.execute("select pg_terminate_backend(%s, 5000)", [conn.info.backend_pid])
            conn.execute("select 1")

    with pytest.raises(Unavailable, match="57P01"):
        go_on_without_a_server()


def test_a_lock_that_is_held_too_long(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LIMITS", b"set lock_timeout = '100ms'")
    with connect(settings) as holder:
        holder.execute("lock table movie in access exclusive mode")
        with pytest.raises(Unavailable, match="55P03"), connect(settings) as conn:
            titles(conn)
