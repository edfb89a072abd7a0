"""A source of IMDb's files, and the tables that ingest_imdb makes of them."""

import gzip
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from tasks import ingest_imdb
from tasks.core.imdb.files import FILES
from tasks.io.s3.bucket import Bucket
from tasks.settings import Settings
from tests.tasks.io.http_faults import FolderServer
from tests.tasks.settings_factory import run_verb

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "tests" / "samples" / "imdb"
DAY = date(2026, 11, 22)
TABLES = [file.table for file in FILES]


def pack(name: str) -> bytes:
    return gzip.compress((SAMPLES / name).read_bytes(), mtime=0)


@dataclass
class World:
    """A source, a database schema of its own, and the bucket."""

    source: FolderServer
    environment: dict[str, str]
    settings: Settings

    def ingest(self) -> None:
        run_verb(ingest_imdb, self.settings, DAY)

    def put(self, name: str, content: bytes) -> None:
        self.source.files[name] = gzip.compress(content, mtime=0)

    def ask(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.settings.movies_database_url.get_secret_value()) as conn:
            return conn.execute(query.encode(), values or None).fetchall()

    def tables(self) -> dict[str, tuple[Any, ...]]:
        """Of each table its oid, which changes when it is replaced, and its number of rows."""
        query = "select '{0}'::regclass::oid, count(*) from {0}"
        return {table: self.ask(query.format(table))[0] for table in TABLES}

    def state(self) -> tuple[Any, ...]:
        """Everything that a run may change."""
        ledger = self.ask("select *, ctid from ingested_file order by name, sha256")
        bucket = Bucket.from_settings(self.settings)
        pages = bucket.client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name, Prefix="raw/imdb/")
        objects = [(one["Key"], one["LastModified"]) for page in pages for one in page.get("Contents", [])]
        return self.tables(), ledger, self.ask("select *, ctid from quarantine order by 1, 2, 3"), objects

    def ledger(self) -> dict[str, tuple[int, ...]]:
        rows = self.ask("select name, lines, loaded, skipped, quarantined from ingested_file where is_current")
        return {row[0]: row[1:] for row in rows}
