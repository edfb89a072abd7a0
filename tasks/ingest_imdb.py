"""Load IMDb's five published files into the movies database.

Fetches title.basics, title.ratings, title.crew, title.principals and name.basics from IMDB_BASE_URL, each only if it has
changed; keeps the bytes in the bucket under raw/imdb/; then replaces the tables film, rating, crew, credit and person in one
transaction, together with the ledger (ingested_file) and the lines that break the format (quarantine, with the reason).

Of the titles only movies and TV movies are loaded, with their crew and credits; ratings and people are loaded whole.
Every line is accounted for: lines = loaded + skipped + quarantined. The same files again change nothing. A file that is
older than the current one, or has less than half its rows, is refused, and the message says how to take it all the same.
"""

import logging
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

import psycopg
import pyarrow as pa

from tasks.command import main
from tasks.core.errors import BadInput
from tasks.core.imdb.checks import Counts, check_newer, check_volume
from tasks.core.imdb.files import BASICS, FILES
from tasks.core.imdb.gunzip import gunzip
from tasks.core.imdb.keys import SeenKeys
from tasks.core.imdb.parse import parse_file
from tasks.core.imdb.raw_file import RawFile
from tasks.io.imdb.files import fetch_file, read_pieces, read_raw_file
from tasks.io.postgres.ingested_files import (
    IngestedFile,
    read_current_files,
    write_current_file,
    write_quarantine,
    write_validators,
)
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.tables import fill_new_table, swap_new_table
from tasks.io.progress import Progress
from tasks.io.s3.bucket import Bucket
from tasks.settings import Settings

log = logging.getLogger("tasks.ingest_imdb")


def run(settings: Settings, day: date, lease: Lease) -> None:
    """The same files twice leave the same state; a crash at any point leaves the old tables or the new, never some of each."""
    bucket = Bucket.from_settings(settings)
    with tempfile.TemporaryDirectory(prefix="imdb-") as folder:
        with lease.connect() as conn:
            current = read_current_files(conn)
        fetched = fetch_files(settings.imdb_base_url, current, bucket, Path(folder))

        changed = find_changed(fetched, current)
        other_titles = read_other_titles(changed, current, bucket, Path(folder))

        with lease.connect() as conn:
            for raw in fetched:
                if raw.name not in changed:
                    write_validators(conn, raw)
            counts = {name: load_file(conn, raw, other_titles, day) for name, raw in changed.items()}
            for name, raw in changed.items():
                if name in current:
                    check_volume(name, counts[name], current[name].counts)
                write_current_file(conn, raw, counts[name], day)
            lease.check(conn)
            for file in FILES:
                if file.name in changed:
                    swap_new_table(conn, file.table)
    log.info("%d files loaded, %d as they were", len(changed), len(FILES) - len(changed))


def fetch_files(base_url: str, current: Mapping[str, IngestedFile], bucket: Bucket, folder: Path) -> list[RawFile]:
    """The files that the source does not say are as they were."""
    known = {name: file.validators for name, file in current.items()}
    found = (fetch_file(base_url, file.name, bucket, folder, known.get(file.name)) for file in FILES)
    return [raw for raw in found if raw]


def find_changed(fetched: Iterable[RawFile], current: Mapping[str, IngestedFile]) -> dict[str, RawFile]:
    """The files whose bytes are new, in the order of loading; one that is older than the current file is BadInput."""
    changed = {}
    for raw in fetched:
        old = current.get(raw.name)
        if old is None or old.sha256 != raw.sha256:
            changed[raw.name] = raw
            check_newer(raw.name, raw.validators.last_modified, old.last_modified if old else None)
    return changed


def read_other_titles(
    changed: Mapping[str, RawFile], current: Mapping[str, IngestedFile], bucket: Bucket, folder: Path
) -> SeenKeys:
    """The titles that are no films: read where title.basics itself has not changed, empty where load_file will learn them."""
    other_titles = SeenKeys()
    needed = any(file.of_titles for file in FILES if file.name in changed)
    if needed and BASICS.name not in changed and current[BASICS.name].skipped:
        path = read_raw_file(BASICS.name, current[BASICS.name].raw_key, bucket, folder)
        for parsed in parse_file(BASICS, gunzip(read_pieces(path))):
            other_titles.add(parsed.others)
    return other_titles


def load_file(conn: psycopg.Connection, raw: RawFile, other_titles: SeenKeys, day: date) -> Counts:
    """Fill the new table beside the old one, block by block; what is no row goes to quarantine."""
    file = next(file for file in FILES if file.name == raw.name)
    progress, skipped, quarantined, taken = Progress(file.name), Counter[str](), 0, 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        for piece in read_pieces(raw.path):
            taken += len(piece)
            yield piece

    def rows() -> Iterator[pa.Table]:
        nonlocal quarantined
        for parsed in parse_file(file, gunzip(pieces()), other_titles):
            if file is BASICS:
                other_titles.add(parsed.others)
            write_quarantine(conn, raw, parsed.rejected, day)
            quarantined += len(parsed.rejected)
            skipped.update(parsed.skipped)
            yield parsed.rows
            progress.total = (progress.done + parsed.lines) * raw.bytes // taken
            progress.advance(parsed.lines)

    try:
        loaded = fill_new_table(conn, file.table, rows())
    except BadInput as error:
        raise BadInput(f"{file.name}, kept as {raw.raw_key}: {error}") from error
    progress.finish()
    kinds = ", ".join(f"{kind} {number}" for kind, number in skipped.most_common() if number)
    log.info(
        "%s: %d rows loaded, %d skipped (%s), %d quarantined", file.name, loaded, skipped.total(), kinds or "none", quarantined
    )
    return Counts(loaded, skipped.total(), quarantined)


if __name__ == "__main__":
    main(run, __doc__)
