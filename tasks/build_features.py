"""Compute every movie's feature row as of the day and append the rows that changed to the offline store.

Reads the movies database; writes the Iceberg table features.movies on S3: one tagged snapshot for a build with changes,
nothing for a build without. An earlier day than that of the newest ingest is built from the archive of raw files as that day's
ingest left them, and every day after it reads as before. With --since, builds each day from that one on, in order.
"""

import logging
from datetime import UTC, date, datetime, timedelta

from tasks.command import main
from tasks.core.errors import BadInput, WrongDay
from tasks.core.features.compute import Tables, compute_features
from tasks.core.world_clock import compute_known_at
from tasks.io.feast import offline_store
from tasks.io.feast.feature_build import Build, Unchanged
from tasks.io.past_tables import PastTables
from tasks.io.postgres import raw_objects
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.movies import read_tables
from tasks.io.s3.bucket import Bucket
from tasks.io.world import read_today
from tasks.settings import Settings

log = logging.getLogger("tasks.build_features")

ONE_DAY = timedelta(days=1)


def run(settings: Settings, day: date, lease: Lease, since: date | None = None) -> None:
    """Build the rows of the day, or of each day from `since` to it; again from the same sources it finds no changed row."""
    if since is not None and since > day:
        raise WrongDay(f"{since} is after {day}: give the first day, then the last one")
    with connect(settings) as conn:
        archived = raw_objects.read_days(conn)
    past, first = PastTables(Bucket.from_settings(settings)), since or day
    for built in (first + ONE_DAY * number for number in range((day - first).days + 1)):
        tables = read_tables_of(settings, built, archived, past)
        log.info(
            "%s: read %d movies, %d credits, %d TMDB answers",
            *(built, tables.movie.height, tables.credit.height, tables.tmdb_movie.height),
        )
        if tables.movie.is_empty():
            raise BadInput("there is no movie in the database: run ingest_imdb first")
        known_at = compute_known_at(datetime.now(UTC), read_today(settings))
        unchanged = Unchanged(day + ONE_DAY, archived[1] if archived else day)
        with offline_store.reachable():
            Build(built, unchanged, known_at, lease).append(compute_features(tables, built))


def read_tables_of(settings: Settings, day: date, archived: tuple[date, date] | None, past: PastTables) -> Tables:
    """Return the tables of the day: the database's for the day of the newest ingest and later ones, else the archive's.

    archived: the first and the last day of the archive. Raise WrongDay for a day before it.
    """
    with connect(settings) as conn:
        if archived is None or day >= archived[1]:
            return read_tables(conn)
        if day < archived[0]:
            raise WrongDay(f"the archive of raw files begins on {archived[0]}: there is nothing to build {day} from")
        files, batches = raw_objects.read_files(conn, day), raw_objects.read_batches(conn, day)
    return past.read(files, batches, day)


if __name__ == "__main__":
    main(run, __doc__, days={"since": "the first day to build, YYYY-MM-DD; --day is then the last one"})
