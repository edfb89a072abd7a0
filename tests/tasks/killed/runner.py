"""`python -m tests.tasks.killed.runner`: runs verbs in forks of a warm process, and kills a fork with SIGKILL at a step.

Reads one JSON line for each run: `verb`, `options`, and `kill_at`, the number of the step to die at, or null. Answers with one
JSON line: how the run ended, and how many steps it took. A step is the begin or the end of anything that writes: a commit under
the lease, a commit of Postgres with rows in it, a transaction of Redis, an object in S3, the rows of a feature set, the alias in
MLflow.

This process itself never runs a verb: polars has threads once it was used, and they do not survive a fork.
"""

import functools
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

# The verbs load these when they need them: here once, so that a fork needs no file of an environment that changes meanwhile.
import feast.repo_operations  # noqa: F401
import psycopg
import pyiceberg.catalog.sql
import pyiceberg.io.pyarrow  # noqa: F401
import redis.client
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from tasks import build_features, deploy, predict_all, publish_features, reconcile_deployment, rollback
from tasks.io.feast import online_store
from tasks.io.mlflow import registry
from tasks.io.postgres.lease import Lease
from tasks.io.s3.bucket import Bucket
from tasks.settings import Settings
from tests.tasks.settings_factory import run_verb

WRITERS: tuple[tuple[Any, str], ...] = (
    (redis.client.Pipeline, "execute"),
    (Bucket, "put_once"),
    (online_store, "write_rows"),
    (registry, "write_alias"),
)


class Steps:
    """Counts steps, and dies at one of them."""

    def __init__(self, kill_at: int | None) -> None:
        self.count, self.kill_at = 0, kill_at

    def take(self) -> None:
        self.count += 1
        if self.count == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def watched(*args: Any, **named: Any) -> Any:
            self.take()
            result = function(*args, **named)
            self.take()
            return result

        return watched


def watch_commit(steps: Steps) -> None:
    """Watch the commits that write; most of those of Feast's registry only end a read."""
    commit = psycopg.Connection.commit
    watched = steps.watch(commit)

    def commit_watched(self: psycopg.Connection[Any]) -> None:
        (watched if has_written(self) else commit)(self)

    psycopg.Connection.commit = commit_watched  # type: ignore[method-assign]


def has_written(conn: psycopg.Connection[Any]) -> bool:
    """Return true if the open transaction has changed or locked rows."""
    if conn.info.transaction_status is not TransactionStatus.INTRANS:
        return False
    with conn.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute("select pg_current_xact_id_if_assigned() is not null").fetchone() == (True,)


def run(verb: str, options: dict[str, Any], steps: Steps) -> None:
    """Run one verb with every writer watched."""
    held = Lease.held

    @contextmanager
    def watched(self: Lease) -> Iterator[psycopg.Connection]:
        steps.take()
        with held(self) as conn:
            yield conn
        steps.take()

    Lease.held = watched  # type: ignore[method-assign]
    for owner, name in WRITERS:
        setattr(owner, name, steps.watch(getattr(owner, name)))
    watch_commit(steps)
    settings, day = Settings(), date.fromisoformat(options.pop("day"))
    match verb:
        case "publish":
            run_verb(build_features, settings, day)
            run_verb(publish_features, settings, day)
        case "predict_all":
            run_verb(predict_all, settings, day, **options)
        case "deploy":
            run_verb(deploy, settings, day, **options)
        case "rollback":
            rollback.run(settings, options["number"], "a trial")
        case _:
            reconcile_deployment.run(settings)


def fork(verb: str, options: dict[str, Any], kill_at: int | None) -> dict[str, Any]:
    """Run the verb in a fork and return how it ended."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(2, 1)
        steps = Steps(kill_at)
        code = 1
        try:
            run(verb, options, steps)
            code = 0
        except Exception:  # noqa: BLE001  # the exit code tells the parent
            traceback.print_exc()
        finally:
            os.write(writer, str(steps.count).encode())
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        count = pipe.read()
    _, status = os.waitpid(pid, 0)
    ended = "killed" if os.WIFSIGNALED(status) else "done" if os.waitstatus_to_exitcode(status) == 0 else "failed"
    return {"ended": ended, "steps": int(count) if count else kill_at}


if __name__ == "__main__":
    for line in sys.stdin:
        order = json.loads(line)
        sys.stdout.write(json.dumps(fork(order["verb"], order["options"], order["kill_at"])) + "\n")
        sys.stdout.flush()
