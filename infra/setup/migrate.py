"""The migrations of the movies and receipts databases. Nothing else changes their schemas."""

from infra.setup.schema_version import newest_revision, read_revision


class UnknownSchema(Exception):
    """A database schema that is newer than this release knows; the message contains the remedy."""


def migrate(url: str, database: str) -> str | None:
    """Upgrade the database at this libpq URL to the newest revision, in one transaction; return the revision it had.

    The URL's role owns the tables. For a database at the newest revision this makes one query and changes nothing.
    Raise UnknownSchema if the database has a newer revision than this release.
    """
    newest, found = newest_revision(database), read_revision(url, database)
    if found == newest:
        return found
    if found is not None and found > newest:
        raise UnknownSchema(
            f"The database {database} has schema {found}, and this release knows schemas up to {newest}: "
            "start the release that made it, or a newer one."
        )
    from infra.setup.alembic_upgrade import upgrade  # noqa: PLC0415  # the import takes 0.4 s, and most starts need no upgrade

    upgrade(url, database)
    return found
