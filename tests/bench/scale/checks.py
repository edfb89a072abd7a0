"""What must hold whatever the time: all readers see the same lines and rows, no line is refused, every movie is rated."""

from collections.abc import Mapping
from typing import Any

import psycopg

from tests.bench.scale.copy_alone import TABLES


def count_rows(connection: psycopg.Connection) -> dict[str, int]:
    """Return the rows of each table that ingest_imdb fills, of the quarantine, and of the live deployment's ratings."""
    queries = {name: f"select count(*) from {name}" for name in (*TABLES, "quarantine", "prediction")}  # noqa: S608  # constants
    found = {name: connection.execute(query).fetchone() for name, query in queries.items()}
    return {name: row[0] for name, row in found.items() if row}


def find_broken(days: Mapping[str, Any], floors: Mapping[str, Any], lines: int) -> list[str]:
    """Return what does not hold. days: rows by table and day; lines: of the first day's files, with their headers."""
    broken = []
    for name, day in days.items():
        movies, rated, refused = (day["rows"][table] for table in ("movie", "prediction", "quarantine"))
        broken += [f"{name} day: {rated} of {movies} movies are rated"] if rated != movies else []
        broken += [f"{name} day: {refused} lines are in quarantine"] if refused else []
    counts = {name: int(floors[name]["result"]) for name in ("zcat", "isal")}
    broken += [f"{name} counts {count} lines of {lines}" for name, count in counts.items() if count != lines]
    rows, peer = days["first"]["rows"], floors.get("duckdb", {}).get("result", {})
    broken += [
        f"DuckDB has {count} rows of {name}, ingest_imdb {rows[name]}" for name, count in peer.items() if count != rows[name]
    ]
    return broken
