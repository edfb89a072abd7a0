"""The revisions of a database's schema: the current one, and the newest one of this release."""

from pathlib import Path

import psycopg

MIGRATIONS = Path(__file__).with_name("migrations")
DATABASES = ("movies", "receipts")
"""Databases with a schema of our own migrations; MLflow, Airflow and Feast make their own schemas."""

QUERY = "select version_num from {}"


def version_table(database: str) -> str:
    """Return the name of the table that holds the revision.

    It is not Alembic's default alembic_version, because MLflow and Airflow use that name and may share the database.
    """
    return f"{database}_schema_version"


def newest_revision(database: str) -> str:
    """Return the newest revision. Each migration's file name begins with its revision, four digits."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / database / "versions").glob("[0-9]*.py"))


def read_revision(url: str, database: str) -> str | None:
    """Return the current revision of the database at this libpq URL; None before the first migration."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10, application_name="marquee setup") as connection:
        try:
            row = connection.execute(QUERY.format(version_table(database)).encode()).fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return str(row[0]) if row else None
