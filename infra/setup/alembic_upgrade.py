"""The upgrade of one database by Alembic."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import NullPool, create_engine

from infra.setup.schema_version import MIGRATIONS, version_table


def upgrade(url: str, database: str) -> None:
    """Apply all revisions that the database lacks, in one transaction."""
    config = make_config(database)
    engine = create_engine("postgresql+psycopg://", creator=lambda: connect(url), poolclass=NullPool)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def make_config(database: str) -> Config:
    """Return Alembic's configuration; there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", escape(MIGRATIONS))
    config.set_main_option("version_locations", escape(MIGRATIONS / database / "versions"))
    config.set_main_option("path_separator", "newline")  # a path may hold a space
    config.attributes["version_table"] = version_table(database)
    return config


def escape(path: Path) -> str:
    """Return the path with % escaped, because % starts an interpolation in Alembic's configuration."""
    return str(path).replace("%", "%%")


def connect(url: str) -> psycopg.Connection:
    """Open a connection with the timeouts of a migration. Options of the URL, such as a search_path, stay in force."""
    connection = psycopg.connect(url, connect_timeout=10, application_name="marquee setup")
    connection.execute("set lock_timeout = '60s'")
    connection.execute("set statement_timeout = '30min'")
    connection.commit()
    return connection
