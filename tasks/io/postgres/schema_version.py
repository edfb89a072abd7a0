"""Checks that the databases have the schemas that the tasks need; infra/setup creates them."""

from dataclasses import dataclass

import psycopg

from tasks.core.errors import UnknownSchema


@dataclass(frozen=True)
class Schema:
    """A database's schema by the revision of its newest migration in infra/setup/migrations."""

    database: str
    revision: str


MOVIES_SCHEMA = Schema("movies", "0008")
RECEIPTS_SCHEMA = Schema("receipts", "0003")
QUERY = "select version_num from {}_schema_version"


def check_schema(conn: psycopg.Connection, setting: str, schema: Schema) -> None:
    """Raise UnknownSchema unless the database has this revision; `setting` names the database in the message."""
    found = read_revision(conn, schema.database)
    if found == schema.revision:
        return
    if found is not None and found > schema.revision:
        remedy = "start the tasks of the release that made it"
    else:
        remedy = "run `make up`, or `docker compose up setup`"
    raise UnknownSchema(
        f"{setting}: the database {schema.database} has {f'schema {found}' if found else 'no schema'}, "
        f"and this release of the tasks needs schema {schema.revision}: {remedy}"
    )


def read_revision(conn: psycopg.Connection, database: str) -> str | None:
    """Return the revision that the database has, or None before the first migration."""
    try:
        with conn.transaction():
            row = conn.execute(QUERY.format(database).encode()).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return str(row[0]) if row else None
