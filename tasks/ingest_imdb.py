"""Load IMDb's five published files into the movies database.

Fetches title.basics, title.ratings, title.crew, title.principals and name.basics from IMDB_BASE_URL into the bucket, under
raw/imdb/, each only if it has changed. Then replaces the tables movie, rating, crew, credit and person in one transaction,
together with the ledger (ingested_file), the archive of the day's files (raw_object) and the rejected lines with their reasons
(quarantine).

Only movies and TV movies are loaded, with their ratings, crew and credits, and the people who have a credit. Every line is
counted: lines = loaded + skipped + quarantined. A skipped line is known by its first columns, and the others are not read. The
same files again change nothing. A file that is older than the current one, or that has less than half its rows, is rejected; the
message explains how to load it nevertheless.

The raw files of the last KEEP_RAW_DAYS days, of one day a month and of the days of kept deployments stay in the bucket. The
others are removed at the end, each with a line in the log.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date

import psycopg

from tasks.command import main
from tasks.core.archive_day import choose_archive_day
from tasks.core.errors import BadInput
from tasks.core.imdb.checks import Counts, check_newer, check_volume
from tasks.core.imdb.files import FILES, find_files_to_load
from tasks.core.imdb.gunzip import gunzip
from tasks.core.imdb.parse import Parsed, parse_file
from tasks.core.imdb.raw_file import RawFile
from tasks.io.imdb.files import RawPieces, fetch_file
from tasks.io.imdb.loaded_ids import LoadedIds
from tasks.io.postgres.ingested_files import (
    IngestedFile,
    read_current_files,
    write_current_file,
    write_quarantine,
    write_validators,
)
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.raw_objects import write_raw_object
from tasks.io.postgres.tables import NewTable, swap_new_table
from tasks.io.progress import Progress
from tasks.io.retired_raw_files import remove_raw_files
from tasks.io.s3.bucket import Bucket
from tasks.io.world import read_today
from tasks.settings import Settings

log = logging.getLogger("tasks.ingest_imdb")


def run(settings: Settings, day: date, lease: Lease) -> None:
    """Load the files that have changed; a crash at any point leaves the old tables or the new ones, never some of each."""
    bucket = Bucket.from_settings(settings)
    with lease.connect() as conn:
        current = read_current_files(conn)
    # All bytes are in the bucket before the first is parsed: no transaction waits for IMDb, and none sees half a file.
    fetched = fetch_files(settings.imdb_base_url, current, bucket)
    archive_day = choose_archive_day(day, read_today(settings))

    changed = find_changed(fetched, current)
    files = find_files_to_load(changed)
    with lease.connect() as conn:
        for raw in fetched:
            if raw.name not in changed:
                write_validators(conn, raw)
        ids = LoadedIds(conn)
        for file in files:
            raw = changed[file.name] if file.name in changed else current[file.name].raw_file
            counts = load_file(conn, raw, bucket, ids, day)
            if file.name in changed and file.name in current:
                check_volume(file.name, counts, current[file.name].counts)
            write_current_file(conn, raw, counts, day)
        lease.check(conn)
        for file in FILES:
            raw_key = changed[file.name].raw_key if file.name in changed else current[file.name].raw_key
            write_raw_object(conn, file.name, raw_key, archive_day)
        for file in files:
            swap_new_table(conn, file.table)
    log.info("%d files loaded, %d unchanged", len(changed), len(FILES) - len(changed))
    remove_raw_files(lease, bucket, settings.keep_raw_days, settings.keep_deployments)


def fetch_files(base_url: str, current: Mapping[str, IngestedFile], bucket: Bucket) -> list[RawFile]:
    """Fetch the files that have changed since the current ones, as far as the source can tell."""
    known = {name: file.validators for name, file in current.items()}
    fetched = (fetch_file(base_url, file.name, bucket, known.get(file.name)) for file in FILES)
    return [raw for raw in fetched if raw]


def find_changed(fetched: Iterable[RawFile], current: Mapping[str, IngestedFile]) -> dict[str, RawFile]:
    """Return the files with new bytes, in the order of loading; raise BadInput if one is older than the current file."""
    changed = {}
    for raw in fetched:
        old = current.get(raw.name)
        if old is None or old.sha256 != raw.sha256:
            changed[raw.name] = raw
            check_newer(raw.name, raw.validators.last_modified, old.last_modified if old else None)
    return changed


def load_file(conn: psycopg.Connection, raw: RawFile, bucket: Bucket, ids: LoadedIds, day: date) -> Counts:
    """Fill the new table beside the old one block by block, and quarantine the rejected lines."""
    file = next(file for file in FILES if file.name == raw.name)
    source, progress, totals = RawPieces(bucket, raw.raw_key), Progress(file.name), Totals()
    try:
        with NewTable(conn, file.table) as table:
            for parsed in parse_file(file, gunzip(source), ids.find(file)):
                table.write(parsed.rows)
                ids.add(file, parsed.rows)
                write_quarantine(conn, raw, parsed.rejected, day)
                totals.add(parsed)
                progress.total = (progress.done + parsed.lines) * raw.bytes // source.bytes_read
                progress.advance(parsed.lines)
    except BadInput as error:
        raise BadInput(f"{file.name}, kept as {raw.raw_key}: {error}") from error
    progress.finish()
    totals.report(file.name)
    return totals.counts


class Totals:
    """The outcomes of a file's lines over all its blocks."""

    def __init__(self) -> None:
        self._loaded = self._quarantined = 0
        self._skipped, self._dropped = Counter[str](), Counter[str]()

    @property
    def counts(self) -> Counts:
        return Counts(self._loaded, self._skipped.total(), self._quarantined)

    def add(self, parsed: Parsed) -> None:
        self._loaded += parsed.rows.num_rows
        self._quarantined += len(parsed.rejected)
        self._skipped.update(parsed.skipped)
        self._dropped.update(parsed.dropped)

    def report(self, name: str) -> None:
        kinds = ", ".join(f"{kind} {number}" for kind, number in self._skipped.most_common() if number)
        log.info(
            "%s: %d rows loaded, %d skipped (%s), %d quarantined",
            *(name, self._loaded, self._skipped.total(), kinds or "none", self._quarantined),
        )
        for column, number in self._dropped.most_common():
            if number:
                log.warning("%s: column %s is invalid in %d rows and is null there", name, column, number)


if __name__ == "__main__":
    main(run, __doc__)
