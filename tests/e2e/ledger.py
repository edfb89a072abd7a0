"""Prints the ingest's counts of read, stored and rejected records, as JSON. Runs in the tasks' environment."""

import json
import sys

from tasks.io.postgres.connection import connect
from tasks.settings import Settings

TABLES = ("movie", "rating", "crew", "credit", "person", "tmdb_movie")


def read_ledger(settings: Settings) -> dict[str, object]:
    with connect(settings) as conn:
        files = conn.execute(
            "select name, lines, loaded, skipped, quarantined, raw_key from ingested_file where is_current"
        ).fetchall()
        quarantined = dict(conn.execute("select raw_key, count(*) from quarantine group by raw_key").fetchall())
        counts = ("lines", "loaded", "skipped", "quarantined")
        return {
            "files": {
                name: dict(zip(counts, numbers, strict=True)) | {"in_quarantine": quarantined.get(key, 0)}
                for name, *numbers, key in files
            },
            "rows": {table: (conn.execute(f"select count(*) from {table}".encode()).fetchone() or (0,))[0] for table in TABLES},  # noqa: S608  # constants
            # TMDB is not asked for adult movies.
            "asked": [movie_id for (movie_id,) in conn.execute("select movie_id from movie where not is_adult")],
            "requests": dict(conn.execute("select movie_id, outcome from tmdb_request").fetchall()),
        }


if __name__ == "__main__":
    json.dump(read_ledger(Settings()), sys.stdout)
