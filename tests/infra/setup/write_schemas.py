"""`make schemas`: infra/setup/migrations/*.sql, the whole schema of each database as its migrations make it."""

from pathlib import Path
from tempfile import TemporaryDirectory

from infra.local.stack import Stack
from infra.setup.migrate import migrate
from infra.setup.schema_version import DATABASES, MIGRATIONS
from tests.conftest import started_stack
from tests.infra.setup.databases import dump_schema, new_database

HEADER = "-- The {database} database as its migrations make it, to be read; `make schemas` writes this file.\n\n"


def render_schema(stack: Stack, database: str) -> str:
    """The file's text."""
    with new_database(stack) as url:
        migrate(url, database)
        return HEADER.format(database=database) + dump_schema(stack, url)


def write_schemas() -> None:
    with TemporaryDirectory() as home, started_stack(Path(home), ("postgres",)) as stack:
        for database in DATABASES:
            (MIGRATIONS / f"{database}.sql").write_text(render_schema(stack, database))


if __name__ == "__main__":
    write_schemas()
