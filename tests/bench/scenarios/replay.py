"""Replay of answers of two releases from their receipts, and an audit that must find a corrupt feature.

    python -m tests.bench.scenarios.replay [--receipts 1000]

Requests predictions through every entry point, of one champion and then of another; `tasks.replay` must find each answer equal.
Then one value in Redis differs from the offline store: `tasks.audit_skew` must exit with 65 and name the feature, and
`tasks.replay` must show both values. The figures are also in .marquee/bench/replay.json.
"""

import argparse
import os
import random
import struct
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from redis import Redis

from serving.features.online_row import build_key, hash_field
from tests.bench.deployer import Deployer
from tests.bench.entry_points import call_all, call_each, get_each, post_all, what_if
from tests.bench.published_sample import PublishedSample, publish_sample
from tests.bench.results import conclude, keep, show
from tests.bench.service import Service
from tests.bench.versions import Live, connect, read_champion, register, shift
from tests.serving.servers import wait_until

SHIFT = 0.25
CORRUPT = "runtime_minutes"
WRONG_MINUTES = 77_777.0
DOUBLE_TAG = 0x29
"""The first byte of a double in Feast's rows."""


def ask_every_way(service: Service, movies: Sequence[str], count: int) -> list[str]:
    """Request `count` predictions in all, through every entry point; return their ids."""
    part = count // 5
    answers = [
        get_each(service, movies[: count - 4 * part]),
        post_all(service, movies[:part]),
        call_each(service, movies[:part]),
        call_all(service, movies[:part]),
        what_if(service, movies[:part], {CORRUPT: 90.0}),
    ]
    return [body["prediction_id"] for by_movie in answers for body in by_movie.values()]


def wait_for_receipts(url: str, ids: Sequence[str]) -> None:
    """Wait until the receipts are in Postgres; fail when they are not after half a minute."""

    def are_kept() -> bool:
        with psycopg.connect(url) as conn:
            row = conn.execute("select count(*) from receipt where prediction_id = any(%s)", [list(ids)]).fetchone()
        return row == (len(ids),)

    wait_until(are_kept, 30, f"{len(ids)} receipts being kept")


def corrupt_one(published: PublishedSample, service: Service) -> str:
    """Make the service answer one movie from a wrong but plausible value; return the prediction's id."""
    movie = next(movie for movie, row in published.rows.items() if row[CORRUPT] is not None)
    password = published.stack.secrets.read("redis_feast")
    with Redis(port=published.stack.settings.redis_port, username="feast", password=password) as redis:
        feature_set = published.peers["FEAST_PROJECT"]
        key, field = build_key("movie_id", movie, feature_set), hash_field("movies", CORRUPT)
        sound = redis.hget(key, field)
        redis.hset(key, field, struct.pack("<Bd", DOUBLE_TAG, WRONG_MINUTES))
        try:
            return str(get_each(service, [movie])[movie]["prediction_id"])
        finally:
            redis.hset(key, field, sound)


def replay(published: PublishedSample, ids: Sequence[str]) -> dict[str, Any]:
    """Compute them again in one go."""
    began = time.monotonic()
    done = published.run_verb("replay", *ids)
    lines = done.stdout.splitlines()
    equal = sum(line.endswith(" equal") for line in lines)
    return {
        "receipts": len(ids),
        "equal": equal,
        "replay_exit": done.returncode,
        "replay_seconds": round(time.monotonic() - began, 1),
        "first_differing": next((line for line in lines if "differs" in line), None),
    }


def audit(published: PublishedSample, service: Service, url: str) -> dict[str, Any]:
    """Audit sound receipts, then with a corrupt one among them."""
    sound = published.run_verb("audit_skew")
    red = corrupt_one(published, service)
    wait_for_receipts(url, [red])
    skewed, again = published.run_verb("audit_skew"), published.run_verb("replay", red)
    return {
        "audit_of_sound_exit": sound.returncode,
        "audit_of_corrupt_exit": skewed.returncode,
        "audit_names_the_feature": f"{CORRUPT} in 1 of" in skewed.stdout,
        "replay_of_corrupt_exit": again.returncode,
        "replay_of_corrupt": again.stdout.strip(),
    }


def try_releases(published: PublishedSample, service: Service, live: Live, second: str, receipts: int) -> dict[str, Any]:
    """Ask by the champion and by a second version, then replay and audit."""
    movies, url = random.Random(3).sample(sorted(published.rows), len(published.rows)), published.serving["RECEIPTS_DATABASE_URL"]
    ids = ask_every_way(service, movies, receipts // 2)
    live.move(second)
    service.wait_until_serving(second)
    ids += ask_every_way(service, movies, receipts - len(ids))
    wait_for_receipts(url, ids)
    return replay(published, ids) | audit(published, service, url)


def find_broken(figures: dict[str, Any]) -> list[str]:
    expected = {
        "equal": figures["receipts"],
        "replay_exit": os.EX_OK,
        "audit_of_sound_exit": os.EX_OK,
        "audit_of_corrupt_exit": os.EX_DATAERR,
        "audit_names_the_feature": True,
        "replay_of_corrupt_exit": 1,
    }
    return [f"{name} is {figures[name]}, not {value}" for name, value in expected.items() if figures[name] != value]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--receipts", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder, publish_sample(Path(folder) / "home") as published:
        client = connect(published.serving["MLFLOW_TRACKING_URI"])
        first, model, release = read_champion(client)
        second = register(client, shift(model, SHIFT), release)
        live = Live(Deployer(published.stack, published.serving["MLFLOW_TRACKING_URI"], {second: SHIFT}), [(0, first)])
        service = Service(published.python["serving"], Path(folder) / "api", published.serving)
        try:
            service.start()
            service.wait_until_ready()
            figures = try_releases(published, service, live, second, arguments.receipts)
        finally:
            service.stop()
    keep("replay", figures)
    show(figures)
    return conclude(find_broken(figures))


if __name__ == "__main__":
    sys.exit(main())
