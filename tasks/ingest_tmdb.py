"""Ask TMDB for the films of IMDb: raw answers to the bucket first, then into Postgres.

Asked are films that were never asked of (most voted first, at most TMDB_REQUESTS_PER_RUN a run), films that TMDB says
changed since the last run, and films that it did not know 30 days ago. The ledger, table tmdb_request, is written batch by
batch, so a run that is killed goes on where it stopped, and the same day again asks for nothing that is known.

Without TMDB_ACCESS_TOKEN the platform runs on IMDb alone: this task says so and ends well.
"""

import hashlib
import logging
from collections import Counter
from datetime import date
from itertools import islice

from tasks.command import main
from tasks.core.tmdb.batch import ANSWERS_PER_BATCH, Answer, BatchRows, compute_batch_rows, render_batch
from tasks.core.tmdb.plan import compute_plan, order_movies
from tasks.io.imdb.titles import fetch_titles
from tasks.io.postgres.connection import connect
from tasks.io.postgres.ingested_files import read_current_files
from tasks.io.postgres.lease import Lease
from tasks.io.postgres.tmdb_ledger import Changes, read_asked, read_changes_day, write_batch, write_changes
from tasks.io.progress import Progress
from tasks.io.s3.bucket import Bucket
from tasks.io.tmdb.client import Tmdb
from tasks.settings import Settings

log = logging.getLogger("tasks.tmdb")


def run(settings: Settings, day: date, lease: Lease) -> None:
    """One attempt at a time asks TMDB, which bears the requests of one."""
    token = settings.tmdb_access_token
    if token is None or not token.get_secret_value().strip():
        log.info("TMDB_ACCESS_TOKEN is not set: the platform runs on IMDb alone")
        return
    bucket = Bucket.from_settings(settings)
    with Tmdb.from_settings(settings) as tmdb:
        ingest(lease, bucket, tmdb, settings, day)


def ingest(lease: Lease, bucket: Bucket, tmdb: Tmdb, settings: Settings, day: date) -> None:
    with connect(settings) as conn:
        current, asked, since = read_current_files(conn), read_asked(conn), read_changes_day(conn)
    # ingest_imdb runs beside this task, and before the first run table film is empty: the list comes from IMDb's own files.
    films = order_movies(*fetch_titles(settings.imdb_base_url, bucket, current))
    changed = tmdb.fetch_changes(since, day) if since is not None and since <= day else []

    plan = compute_plan(films, asked, changed, day, settings.tmdb_requests_per_run)
    log.info(
        "%d films at IMDb, %d asked before; to ask now: %d, of them changed %d; left for later runs: %d",
        *(len(films), len(asked), len(plan.movie_ids), plan.changed, plan.left),
    )

    unanswered = ask_and_store(lease, bucket, tmdb, plan.movie_ids, day) if plan.movie_ids else set()
    # Changes that were not followed to the end are taken from the same day on in the next run.
    if (since is None or since <= day) and not plan.changed_left and not unanswered & set(plan.movie_ids[: plan.changed]):
        write_changes(lease, bucket, Changes(since or day, day, changed, plan.changed))


def ask_and_store(lease: Lease, bucket: Bucket, tmdb: Tmdb, movie_ids: list[str], day: date) -> set[str]:
    """Store batch by batch, each for good; returns the films that TMDB gave no answer to."""
    answers = tmdb.fetch_movies(movie_ids)
    progress, outcomes, dropped = Progress("TMDB films", len(movie_ids)), Counter[str](), Counter[str]()
    answered: set[str] = set()
    for start in range(0, len(movie_ids), ANSWERS_PER_BATCH):
        batch = [one for one in islice(answers, ANSWERS_PER_BATCH) if one is not None]
        if batch:
            rows = store_batch(lease, bucket, batch, day)
            answered.update(one.movie_id for one in batch)
            outcomes, dropped = outcomes + rows.outcomes, dropped + rows.dropped
        progress.advance(min(ANSWERS_PER_BATCH, len(movie_ids) - start))
    progress.finish()
    unanswered = set(movie_ids) - answered
    log.info("found %(found)d, absent %(absent)d, quarantined %(quarantined)d", {**dict.fromkeys(OUTCOMES, 0), **outcomes})
    if unanswered:
        log.warning("%d films got no answer and are asked again in the next run", len(unanswered))
    for name, count in dropped.most_common():
        log.warning("field %s made no sense in %d answers and is null there", name, count)
    return unanswered


OUTCOMES = ("found", "absent", "quarantined")


def store_batch(lease: Lease, bucket: Bucket, batch: list[Answer], day: date) -> BatchRows:
    """Raw bytes first; then the rows, in one transaction."""
    body = render_batch(batch)
    raw_key = f"raw/tmdb/{hashlib.sha256(body).hexdigest()}.parquet"
    bucket.put_once(raw_key, body)
    rows = compute_batch_rows(batch, raw_key, day)
    write_batch(lease, rows)
    return rows


if __name__ == "__main__":
    main(run, __doc__)
