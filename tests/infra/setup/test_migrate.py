"""The migrations on real Postgres: whole, repeatable, one at a time, and over a database with data in it."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory

from infra.local.stack import Stack
from infra.setup.alembic_upgrade import make_config
from infra.setup.migrate import UnknownSchema, migrate
from infra.setup.schema_version import DATABASES, MIGRATIONS, newest_revision, read_revision
from serving.receipts import table as receipts
from tasks.io.postgres.schema_version import MOVIES_SCHEMA, RECEIPTS_SCHEMA
from tests.infra.setup.databases import dump_schema, new_database
from tests.infra.setup.write_schemas import render_schema

BEFORE = Path(__file__).with_name("before_migrations")
"""The files that tasks and API applied by themselves up to commit 74cbedd."""

ROWS = {
    "movies": """insert into film values ('tt0111161', 'movie', 'A', null, false, 1994, null, 142, '{Drama}');
        insert into feature_set values ('movies_1', 8541223904412345678, 'c', 20000, 'live', now());
        insert into prediction_set values ('p', '3', 'm', 'movies_1', 'c', '2026-11-22', 20000,
            'k', 1, 'live', now(), 'k', 's', 2);
        insert into ingested_file values ('title.crew.tsv.gz', 's', 'raw/imdb/title.crew.tsv.gz/s.gz', 9, null, null, 1, 1, 0, 0,
            '2026-11-20', now(), true), ('tmdb/movie/changes', 's', 'raw/tmdb/changes/s.json', 9, null, null, 0, 0, 0, 0,
            '2026-11-20', now(), true);
        insert into tmdb_request values ('tt0111161', 'found', 1, 200, 'raw/tmdb/a.parquet', 0, '2026-11-20'),
            ('tt0111162', 'absent', null, 404, 'raw/tmdb/a.parquet', 1, '2026-11-21');
        insert into task_lease values ('train_model', nextval('task_lease_token'), 'h', 1, now(), 1, now());""",
    "receipts": """insert into receipt values ('01a20d2c185184438d9489ac00000000', now(), 'grpc', 'snapshot', 'tt0111161', 7, 7,
        '3', 'm', null, 'movies_1', '8541223904412345678', now(), null, null);""",
}
COUNTS = {
    "movies": """select (select count(*) from movie), (select count(*) from feature_set),
        (select count(*) from prediction_set where movies = 20000),
        (select count(*) from raw_object where name = 'title.crew.tsv.gz' and day = '2026-11-20'),
        (select count(*) from raw_object where name = 'tmdb' and raw_key = 'raw/tmdb/a.parquet' and day = '2026-11-21'),
        (select count(*) - 1 from raw_object)""",
    "receipts": "select count(*) from receipt where source = 'snapshot' and deployment is null",
}


@pytest.mark.parametrize("database", DATABASES)
def test_the_newest_file_is_the_head_of_one_line_of_revisions(database: str) -> None:
    script = ScriptDirectory.from_config(make_config(database))
    assert script.get_heads() == [newest_revision(database)]
    revisions = [revision.revision for revision in script.walk_revisions()]
    assert sorted(revisions, reverse=True) == revisions


def test_tasks_and_api_need_the_schema_that_the_migrations_make() -> None:
    needed = {schema.database: schema.revision for schema in (MOVIES_SCHEMA, RECEIPTS_SCHEMA)}
    assert needed == {database: newest_revision(database) for database in DATABASES}
    assert newest_revision("receipts") == receipts.SCHEMA


@pytest.mark.integration
@pytest.mark.parametrize("database", DATABASES)
def test_the_schema_file_shows_the_whole_schema(stack: Stack, database: str) -> None:
    assert (MIGRATIONS / f"{database}.sql").read_text() == render_schema(stack, database), "run `make schemas`"


@pytest.mark.integration
@pytest.mark.parametrize("database", DATABASES)
def test_a_database_of_before_migrations_is_adopted_with_its_data(stack: Stack, database: str) -> None:
    with new_database(stack) as url, new_database(stack) as fresh:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("create table applied_schema (sha256 text primary key, applied_at timestamptz not null)")
            conn.execute((BEFORE / f"{database}.sql").read_bytes())
            conn.execute(ROWS[database].encode())
        assert migrate(url, database) is None
        migrate(fresh, database)
        assert dump_schema(stack, url) == dump_schema(stack, fresh)
        with psycopg.connect(url) as conn:
            assert set(conn.execute(COUNTS[database].encode()).fetchone() or ()) == {1}


@pytest.mark.integration
def test_a_database_without_prediction_databases_is_adopted(stack: Stack) -> None:
    with new_database(stack) as url, new_database(stack) as fresh:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute((BEFORE / "movies.sql").read_bytes())
            conn.execute("alter table prediction_set drop column catalogue_key, drop column catalogue_sha256")
            conn.execute("alter table prediction_set drop column catalogue_bytes")
        migrate(url, "movies")
        migrate(fresh, "movies")
        assert dump_schema(stack, url) == dump_schema(stack, fresh)


@pytest.mark.integration
def test_a_second_migration_does_nothing_and_does_not_load_alembic(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_database(stack) as url:
        assert migrate(url, "movies") is None
        monkeypatch.setitem(sys.modules, "infra.setup.alembic_upgrade", None)  # importing it would now fail
        assert migrate(url, "movies") == newest_revision("movies")


@pytest.mark.integration
def test_set_ups_that_run_at_once_apply_each_revision_once(stack: Stack) -> None:
    with new_database(stack) as url:
        command = [sys.executable, "-c", f"from infra.setup.migrate import migrate; migrate({url!r}, 'movies')"]
        processes = [subprocess.Popen(command) for _ in range(3)]
        assert [process.wait() for process in processes] == [0, 0, 0]
        assert read_revision(url, "movies") == newest_revision("movies")


@pytest.mark.integration
def test_a_migration_that_fails_leaves_the_schema_as_it_was(stack: Stack) -> None:
    with new_database(stack) as url:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("create table deployment (x int)")  # revision 0002 makes it too
        with pytest.raises(Exception, match='relation "deployment" already exists'):
            migrate(url, "movies")
        assert read_revision(url, "movies") is None
        with psycopg.connect(url) as conn:
            assert conn.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone() == (1,)


@pytest.mark.integration
def test_the_schema_of_a_later_release_is_refused(stack: Stack) -> None:
    with new_database(stack) as url:
        migrate(url, "receipts")
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("update receipts_schema_version set version_num = '9999'")
        with pytest.raises(UnknownSchema, match="has schema 9999, and this release knows schemas up to 0003: start the release"):
            migrate(url, "receipts")
