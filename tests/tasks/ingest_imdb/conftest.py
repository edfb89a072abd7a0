"""The world that every test of ingest_imdb starts from: the invented samples, and empty tables."""

from collections.abc import Iterator

import pytest

from infra.local.stack import Stack
from tasks.core.imdb.files import FILES
from tests.tasks.ingest_imdb.world import World, pack
from tests.tasks.io.http_faults import FolderServer, serve
from tests.tasks.settings_factory import own_environment, read_settings


@pytest.fixture
def world(stack: Stack) -> Iterator[World]:
    files = {file.name: pack(file.name.removesuffix(".gz")) for file in FILES}
    with own_environment(stack) as environment, serve(FolderServer(files=files)) as source:
        whole = environment | {"IMDB_BASE_URL": source.base_url}
        yield World(source, whole, read_settings(whole))
