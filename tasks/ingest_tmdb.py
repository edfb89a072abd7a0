"""Fetch TMDB's data about IMDb's movies: raw answers go to the bucket first, then to Postgres.

Each run asks for movies that TMDB lists as changed since the last run, for movies that were never asked for (most voted
first), and for movies that TMDB did not know 30 days ago; at most TMDB_REQUESTS_PER_RUN in all. The ledger, table
tmdb_request, is written batch by batch: the run after a killed one continues where that one stopped, and the same day again
asks for nothing that is known.

Without TMDB_ACCESS_TOKEN the platform runs on IMDb alone: the task logs this and succeeds.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice

from tasks.command import main
from tasks.core.archive_day import choose_archive_day
from tasks.core.errors import TaskError
from tasks.core.tmdb.batch import ANSWERS_PER_BATCH, Answer, BatchRows, compute_batch_rows, render_batch
from tasks.core.tmdb.plan import compute_plan, order_movies
from tasks.io.imdb.titles import fetch_titles
from tasks.io.postgres.connection import connect
from tasks.io.postgres.ingested_files import read_current_files
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.tmdb_ledger import Changes, read_asked, read_changes_start, write_batch, write_changes
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
        current, asked, start = read_current_files(conn), read_asked(conn), read_changes_start(conn, day)
    # The list comes from IMDb's own files: ingest_imdb runs beside this task, and table movie is empty before the first run.
    movie_ids = order_movies(*fetch_titles(settings.imdb_base_url, bucket, current))
    changed = tmdb.fetch_changes(start, day) if start <= day else []

    plan = compute_plan(movie_ids, asked, changed, day, settings.tmdb_requests_per_run)
    log.info(
        "IMDb lists %d movies, %d were asked for before; to ask for now: %d, of which changed: %d; left for later runs: %d",
        *(len(movie_ids), len(asked), len(plan.movie_ids), plan.changed, plan.left),
    )

    days = Days(day, choose_archive_day(day, read_today(settings)))
    unanswered = fetch_and_store(lease, bucket, tmdb, plan.movie_ids, days) if plan.movie_ids else set()
    # If a changed movie was not fetched, the next run asks for the changes of the same days again.
    if start <= day and not plan.changed_left and not unanswered & set(plan.movie_ids[: plan.changed]):
        write_changes(lease, bucket, Changes(start, day, changed, plan.changed))


def fetch_and_store(lease: Lease, bucket: Bucket, tmdb: Tmdb, movie_ids: list[str], days: Days) -> set[str]:
    """Fetch the movies and store them batch by batch; return those that TMDB gave no answer to.

    An error of TMDB's is raised after the answers that came before it are stored.
    """
    answers = tmdb.fetch_movies(movie_ids)
    progress, outcomes, dropped = Progress("TMDB movies", len(movie_ids)), Counter[str](), Counter[str]()
    answered: set[str] = set()
    error: TaskError | None = None
    while error is None and progress.done < len(movie_ids):
        taken, error = take_batch(answers)
        batch = [answer for answer in taken if answer is not None]
        if batch:
            rows = store_batch(lease, bucket, batch, days)
            answered.update(answer.movie_id for answer in batch)
            outcomes, dropped = outcomes + rows.outcomes, dropped + rows.dropped
        progress.advance(len(taken))
    progress.finish()
    log.info("found %d, absent %d, quarantined %d", *(outcomes[name] for name in OUTCOMES))
    for name, count in dropped.most_common():
        log.warning("field %s is invalid in %d answers and is null there", name, count)
    if error is not None:
        raise error
    unanswered = set(movie_ids) - answered
    if unanswered:
        log.warning("%d movies got no answer; the next run asks for them again", len(unanswered))
    return unanswered


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
