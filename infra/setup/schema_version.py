"""The revision of a database's schema: the one that it has, and the newest one that this release has a migration to."""

from pathlib import Path

import psycopg

MIGRATIONS = Path(__file__).with_name("migrations")
DATABASES = ("movies", "receipts")
"""Databases whose schema is made by our migrations; MLflow, Airflow and Feast bring their own."""

QUERY = "select version_num from {}"


def version_table(database: str) -> str:
    """Return the name of the table that holds the revision.

    Not Alembic's usual alembic_version: MLflow and Airflow use that name, and both databases may be one and the same.
    """
    return f"{database}_schema_version"


def newest_revision(database: str) -> str:
    """Return the newest revision; the names of the files begin with theirs, four digits."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / database / "versions").glob("[0-9]*.py"))


def read_revision(url: str, database: str) -> str | None:
    """Return the revision that the database at this libpq URL has, or None before the first migration."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10, application_name="marquee setup") as connection:
        try:
            row = connection.execute(QUERY.format(version_table(database)).encode()).fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return str(row[0]) if row else None
