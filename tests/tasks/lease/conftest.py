"""A database of the tests' own, with a table to commit to."""

from collections.abc import Iterator

import pytest

from infra.local.stack import Stack
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.tasks.settings_factory import own_environment, read_settings


@pytest.fixture
def environment(stack: Stack) -> Iterator[dict[str, str]]:
    with own_environment(stack) as environment:
        yield environment


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    settings = read_settings(environment)
    with connect(settings) as conn:
        conn.execute("create table done (id serial primary key, what text, token bigint)")
    return settings
