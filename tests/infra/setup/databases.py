"""Databases of a test's own, entered as the administrator, and their schemas as text."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from psycopg.conninfo import make_conninfo

from infra.local.services.postgres_paths import make_paths
from infra.local.stack import Stack
from infra.platform.accounts import POSTGRES_ADMIN

NOISE = re.compile(r"^(--|SET |SELECT pg_catalog\.|\\(un)?restrict)")
"""Lines of pg_dump that are not the schema."""


@contextmanager
def new_database(stack: Stack) -> Iterator[str]:
    """The libpq URL of an empty database."""
    name = f"test_{uuid4().hex[:12]}"
    admin = stack.endpoints.database_url(POSTGRES_ADMIN)
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"create database {name}".encode())
        yield make_conninfo(admin, dbname=name)
        conn.execute(f"drop database {name} with (force)".encode())


def dump_schema(stack: Stack, url: str) -> str:
    """The schema as pg_dump writes it, without owners, settings, its own comments and the word public."""
    binary = make_paths(stack.settings.layout, "").binary("pg_dump")
    command = [str(binary), "--schema-only", "--no-owner", "--no-privileges", f"--dbname={url}"]
    dump = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line for line in dump.splitlines() if not NOISE.match(line)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).replace("public.", "").strip() + "\n"
