"""Load IMDb's five published files into the movies database.

Fetches title.basics, title.ratings, title.crew, title.principals and name.basics from IMDB_BASE_URL, each only if it has
changed, and keeps the bytes in the bucket under raw/imdb/. Then replaces the tables movie, rating, crew, credit and person in
one transaction, together with the ledger (ingested_file), the archive of the day's files (raw_object) and the rejected lines
with their reasons (quarantine).

Only movies and TV movies are loaded, with their crew and credits; ratings and people are loaded whole. Every line is counted:
lines = loaded + skipped + quarantined. The same files again change nothing. A file that is older than the current one, or that
has less than half its rows, is rejected; the message explains how to load it nevertheless.
"""

import logging
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import psycopg

from tasks.command import main
from tasks.core.archive_day import choose_archive_day
from tasks.core.errors import BadInput
from tasks.core.imdb.checks import Counts, check_newer, check_volume
from tasks.core.imdb.files import BASICS, FILES
from tasks.core.imdb.gunzip import gunzip
from tasks.core.imdb.keys import SeenKeys
from tasks.core.imdb.parse import Parsed, parse_file
from tasks.core.imdb.raw_file import RawFile
from tasks.io.imdb.files import CountedPieces, fetch_file, read_raw_file
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
from tasks.io.s3.bucket import Bucket
from tasks.io.world import read_today
from tasks.settings import Settings

log = logging.getLogger("tasks.ingest_imdb")


def run(settings: Settings, day: date, lease: Lease) -> None:
    """Load the files that have changed; a crash at any point leaves the old tables or the new ones, never some of each."""
    bucket = Bucket.from_settings(settings)
    with tempfile.TemporaryDirectory(prefix="imdb-") as folder:
        with lease.connect() as conn:
            current = read_current_files(conn)
        fetched = fetch_files(settings.imdb_base_url, current, bucket, Path(folder))
        archive_day = choose_archive_day(day, read_today(settings))

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
                raw_key = changed[file.name].raw_key if file.name in changed else current[file.name].raw_key
                write_raw_object(conn, file.name, raw_key, archive_day)
                if file.name in changed:
                    swap_new_table(conn, file.table)
    log.info("%d files loaded, %d unchanged", len(changed), len(FILES) - len(changed))


def fetch_files(base_url: str, current: Mapping[str, IngestedFile], bucket: Bucket, folder: Path) -> list[RawFile]:
    """Fetch the files that have changed since the current ones, as far as the source can tell."""
    known = {name: file.validators for name, file in current.items()}
    fetched = (fetch_file(base_url, file.name, bucket, folder, known.get(file.name)) for file in FILES)
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


def read_other_titles(
    changed: Mapping[str, RawFile], current: Mapping[str, IngestedFile], bucket: Bucket, folder: Path
) -> SeenKeys:
    """Return the titles that are not movies, from the current title.basics; an empty set if a new one is going to be loaded.

    title.basics is the first of FILES, so load_file adds its other titles before it loads the files that need them.
    """
    other_titles = SeenKeys()
    needed = any(file.of_titles for file in FILES if file.name in changed)
    if needed and BASICS.name not in changed and current[BASICS.name].skipped:
        path = read_raw_file(BASICS.name, current[BASICS.name].raw_key, bucket, folder)
        for parsed in parse_file(BASICS, gunzip(CountedPieces(path))):
            other_titles.add(parsed.others)
    return other_titles


def load_file(conn: psycopg.Connection, raw: RawFile, other_titles: SeenKeys, day: date) -> Counts:
    """Fill the new table beside the old one block by block, and quarantine the rejected lines.

    Adds the titles that are not movies to `other_titles`, where the file is title.basics.
    """
    file = next(file for file in FILES if file.name == raw.name)
    source, progress, totals = CountedPieces(raw.path), Progress(file.name), Totals()
    try:
        with NewTable(conn, file.table) as table:
            for parsed in parse_file(file, gunzip(source), other_titles):
                table.write(parsed.rows)
                write_quarantine(conn, raw, parsed.rejected, day)
                other_titles.add(parsed.others)
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
