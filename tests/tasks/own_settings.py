"""Settings of the embedded stack with a database schema of their own, so that a test meets empty tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg

from infra.local.stack import Stack
from tasks.settings import Settings


def read_settings(environment: dict[str, str]) -> Settings:
    values: dict[str, Any] = {name: environment[name.upper()] for name in Settings.model_fields if name.upper() in environment}
    return Settings(**values)


@contextmanager
def own_environment(stack: Stack) -> Iterator[dict[str, str]]:
    """The tasks' environment, its MOVIES_DATABASE_URL naming a new schema that goes away at the end."""
    environment = stack.environment("tasks")
    url, schema = environment["MOVIES_DATABASE_URL"], f"test_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(f"create schema {schema}".encode())
        mark = "&" if "?" in url else "?"
        yield environment | {"MOVIES_DATABASE_URL": f"{url}{mark}options=-c%20search_path%3D{schema}"}
        conn.execute(f"drop schema {schema} cascade".encode())
