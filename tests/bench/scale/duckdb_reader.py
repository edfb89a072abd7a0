"""Loads the rows that ingest_imdb loads with DuckDB's own CSV reader: python -m tests.bench.scale.duckdb_reader FOLDER FILE.

Reads the five files of FOLDER into a database FILE; prints the rows of each table as JSON. All columns are texts, nothing is
checked and no line is quarantined.
"""

import json
import sys

import duckdb

READ = "read_csv('{folder}/{name}.tsv.gz', delim='\t', quote='', escape='', header=true, nullstr='\\N', all_varchar=true)"
MOVIES = "tconst in (select tconst from movie)"
TABLES = {
    "movie": ("title.basics", "titleType in ('movie', 'tvMovie')"),
    "rating": ("title.ratings", MOVIES),
    "crew": ("title.crew", MOVIES),
    "credit": ("title.principals", MOVIES),
    "person": (
        "name.basics",
        "nconst in (select nconst from credit union select unnest(string_split(directors, ',')) from crew"
        " union select unnest(string_split(writers, ',')) from crew)",
    ),
}
MEMORY = "1GB"


def load(folder: str, database: str) -> dict[str, int]:
    """Return the number of rows of each table."""
    rows = {}
    with duckdb.connect(database, config={"memory_limit": MEMORY}) as connection:
        for table, (name, condition) in TABLES.items():
            source = READ.format(folder=folder, name=name)
            connection.execute(f"create table {table} as select * from {source} where {condition}")  # noqa: S608  # constants
            found = connection.execute(f"select count(*) from {table}").fetchone()  # noqa: S608
            rows[table] = int(found[0]) if found else 0
    return rows


if __name__ == "__main__":
    print(json.dumps(load(*sys.argv[1:])))  # noqa: T201  # the result
