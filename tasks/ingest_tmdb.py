"""Fetch TMDB's data about IMDb's movies: raw answers go to the bucket first, then to Postgres.

Each run asks for movies that TMDB lists as changed since the last run, for movies that were never asked for (those to come
and of the last two years first, then the most voted), and, ever more rarely, for movies that TMDB did not know. It asks for
TMDB_HOURS_PER_RUN; the next run continues. The ledger, table tmdb_request, is written batch by batch: the run after a killed
one continues where that one stopped, and the same day again asks for nothing that is known.

Without TMDB_ACCESS_TOKEN the platform runs on IMDb alone: the task logs this and succeeds.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice, takewhile
from time import monotonic

from tasks.command import main
from tasks.core.archive_day import choose_archive_day
from tasks.core.errors import BadInput, TaskError
from tasks.core.tmdb.batch import ANSWERS_PER_BATCH, Answer, BatchRows, compute_batch_rows, render_batch
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.tmdb_ledger import Changes, read_changes_start, write_batch, write_changes
from tasks.io.postgres.tmdb_plan import count_movies, read_plan
from tasks.io.progress import Progress
from tasks.io.s3.bucket import Bucket
from tasks.io.tmdb.client import Tmdb
from tasks.io.world import read_today
from tasks.settings import Settings

log = logging.getLogger("tasks.tmdb")


@dataclass(frozen=True)
class Days:
    """The day of the run, on which movies count as asked for, and the day under which the answers are archived."""

    asked: date
    archived: date


def run(settings: Settings, day: date, lease: Lease) -> None:
    """Fetch and store the day's movies. Only one attempt sends requests at a time, because all share TMDB's rate limit."""
    token = settings.tmdb_access_token
    if token is None or not token.get_secret_value().strip():
        log.info("TMDB_ACCESS_TOKEN is not set: the platform runs on IMDb alone")
        return
    bucket = Bucket.from_settings(settings)
    with Tmdb.from_settings(settings) as tmdb:
        ingest(lease, bucket, tmdb, settings, day)


def ingest(lease: Lease, bucket: Bucket, tmdb: Tmdb, settings: Settings, day: date) -> None:
    with connect(settings) as conn:
        (movies, asked), start = count_movies(conn), read_changes_start(conn, day)
    if not movies:
        raise BadInput("there is no movie in the database: run ingest_imdb first")
    changed = tmdb.fetch_changes(start, day) if start <= day else []
    with connect(settings) as conn:
        plan = read_plan(conn, changed, day)
    log.info(
        "IMDb lists %d movies, %d were asked for before; to ask for now: %d, of which changed: %d",
        *(movies, asked, len(plan.movie_ids), plan.changed),
    )

    days = Days(day, choose_archive_day(day, read_today(settings)))
    deadline = monotonic() + settings.tmdb_hours_per_run * 3600
    answers = tmdb.fetch_movies(takewhile(lambda _: monotonic() < deadline, plan.movie_ids))
    answered = store(lease, bucket, answers, days, Progress("TMDB movies", len(plan.movie_ids)))
    # If a changed movie was not fetched, the next run asks for the changes of the same days again.
    if start <= day and answered.issuperset(plan.movie_ids[: plan.changed]):
        write_changes(lease, bucket, Changes(start, day, changed, plan.changed))


def store(lease: Lease, bucket: Bucket, answers: Iterator[Answer | None], days: Days, progress: Progress) -> set[str]:
    """Store the answers batch by batch, as they come; return the movies that TMDB answered.

    progress: of all the movies to ask for. An error of TMDB's is raised after the answers that came before it are stored.
    """
    outcomes, dropped = Counter[str](), Counter[str]()
    answered: set[str] = set()
    taken, error = take_batch(answers)
    while taken:
        batch = [answer for answer in taken if answer is not None]
        if batch:
            rows = store_batch(lease, bucket, batch, days)
            answered.update(answer.movie_id for answer in batch)
            outcomes, dropped = outcomes + rows.outcomes, dropped + rows.dropped
        progress.advance(len(taken))
        taken, error = ([], error) if error else take_batch(answers)
    progress.finish()
    log.info("found %d, absent %d, quarantined %d", *(outcomes[name] for name in OUTCOMES))
    for name, count in dropped.most_common():
        log.warning("field %s is invalid in %d answers and is null there", name, count)
    if error is not None:
        raise error
    if left := (progress.total or 0) - progress.done:
        log.info("TMDB_HOURS_PER_RUN are over: %d movies are left for later runs", left)
    if progress.done > len(answered):
        log.warning("%d movies got no answer; the next run asks for them again", progress.done - len(answered))
    return answered


OUTCOMES = ("found", "absent", "quarantined")


def take_batch(answers: Iterator[Answer | None]) -> tuple[list[Answer | None], TaskError | None]:
    """Return the next answers, and the error that ended them if one did."""
    taken: list[Answer | None] = []
    try:
        for answer in islice(answers, ANSWERS_PER_BATCH):
            taken.append(answer)  # one by one: an error leaves those before it in the list
    except TaskError as error:
        return taken, error
    return taken, None


def store_batch(lease: Lease, bucket: Bucket, batch: list[Answer], days: Days) -> BatchRows:
    """Store the raw bytes, then the rows in one transaction."""
    body = render_batch(batch)
    raw_key = f"raw/tmdb/{hashlib.sha256(body).hexdigest()}.parquet"
    bucket.put_once(raw_key, body)
    rows = compute_batch_rows(batch, raw_key, days.asked)
    write_batch(lease, rows, raw_key, days.archived)
    return rows


if __name__ == "__main__":
    main(run, __doc__)
