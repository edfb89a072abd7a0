"""The migrations of the movies and the receipts database: the one writer of their schemas."""

from infra.setup.schema_version import newest_revision, read_revision


class UnknownSchema(Exception):
    """The schema of a database is of another release; the message says what to do."""


def migrate(url: str, database: str) -> str | None:
    """Bring the database at this libpq URL to the newest revision, in one transaction; return the revision it had.

    The role of the URL owns the tables. A database that is at the newest revision is left alone at the cost of one query.
    Raise UnknownSchema if it has a revision that this release does not have.
    """
    newest, found = newest_revision(database), read_revision(url, database)
    if found == newest:
        return found
    if found is not None and found > newest:
        raise UnknownSchema(
            f"The database {database} has schema {found}, and this release knows schemas up to {newest}: "
            "start the release that made it, or a newer one."
        )
    from infra.setup.alembic_upgrade import upgrade  # noqa: PLC0415  # 0.4 s that most starts have no need of

    upgrade(url, database)
    return found
