"""Checks that the doctor reports a broken platform and that its advice mends it: `make bench-doctor`.

Starts an embedded platform on a small sample, breaks it in one way at a time, runs the doctor, runs the commands that it
names, and runs it again. Fails if the doctor finds no fault in a broken platform, names no command, or its advice does not help.
The findings are also in .marquee/bench/doctor.json.
"""

import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import redis
from mlflow import MlflowClient

from infra.local.services.postgres_paths import PostgresPaths
from infra.local.stack import Stack
from infra.platform.connections import read_pointer
from tests.bench.results import conclude, keep, show
from tests.e2e.platform import Platform, bring_up

MOVIES = 500
WELL_WITHIN_SECONDS = 120
ADVICE = re.compile(r"`make ([a-z]+)((?: [A-Z]+=\S+)*)`")


def stack_of(platform: Platform) -> Stack:
    return Stack.load(platform.settings)


def redis_of(platform: Platform) -> redis.Redis:
    return redis.Redis.from_url(stack_of(platform).endpoints.redis_url("feast"))


def mlflow_of(platform: Platform) -> MlflowClient:
    return MlflowClient(stack_of(platform).endpoints.mlflow.url)


def find_rows(platform: Platform) -> list[bytes]:
    pointer = read_pointer(stack_of(platform).endpoints)
    assert pointer is not None
    return list(redis_of(platform).scan_iter(match=b"*" + pointer["features"]["feature_set"].encode()))


def lose_the_pointer(platform: Platform) -> None:
    redis_of(platform).delete("marquee:deployment")


def lose_rows(platform: Platform) -> None:
    redis_of(platform).unlink(*find_rows(platform)[:50])


def lose_all_of_redis(platform: Platform) -> None:
    redis_of(platform).unlink(*redis_of(platform).scan_iter())


def damage_redis_files(platform: Platform) -> None:
    stack = stack_of(platform)
    stack.supervisor.stop_service("redis")
    for manifest in (stack.settings.layout.data).rglob("*.manifest"):
        manifest.write_bytes(b"\0" * manifest.stat().st_size)


def delete_the_alias(platform: Platform) -> None:
    mlflow_of(platform).delete_registered_model_alias("movie-rating", "champion")


def delete_the_live_version(platform: Platform) -> None:
    pointer = read_pointer(stack_of(platform).endpoints)
    assert pointer is not None
    mlflow_of(platform).delete_model_version(pointer["model"]["name"], pointer["model"]["version"])


def lose_rows_and_their_snapshot(platform: Platform) -> None:
    """A snapshot can only be removed when there is a newer one, so the movies change first, and are built."""
    platform.run_in_tasks("change_movies")
    platform.run_in_tasks("lose_snapshot")
    lose_rows(platform)


def stop(name: str) -> Callable[[Platform], None]:
    return lambda platform: stack_of(platform).supervisor.stop_service(name)


def empty_the_pid_file(platform: Platform) -> None:
    layout = platform.settings.layout
    assert platform.command("down").returncode == 0
    paths = PostgresPaths((layout.data / "postgres").resolve(), layout.packages("local"))
    (paths.cluster / "postmaster.pid").write_bytes(b"\0" * 80)


FAULTS: dict[str, Callable[[Platform], None]] = {
    "the pointer is gone from Redis": lose_the_pointer,
    "50 rows of the live features are gone": lose_rows,
    "Redis is empty": lose_all_of_redis,
    "the files of Redis are damaged, and it is stopped": damage_redis_files,
    "the alias champion is deleted": delete_the_alias,
    "the live version is deleted from MLflow": delete_the_live_version,
    "rows and their offline snapshot are gone": lose_rows_and_their_snapshot,
    "the API is stopped": stop("api"),
    "Postgres is stopped": stop("postgres"),
    "S3 is stopped": stop("s3"),
    "MLflow is stopped": stop("mlflow"),
    "Airflow's scheduler is stopped": stop("airflow-scheduler"),
    "postmaster.pid is filled with zeros, all is stopped": empty_the_pid_file,
}


def find_advice(said: str) -> Iterator[list[str]]:
    """Yield the marquee command of each `make …` in the text, once."""
    seen = set()
    for verb, values in ADVICE.findall(re.sub(r"[\s│]+", " ", said)):
        command = [verb, *(value.split("=", 1)[1] for value in values.split())]
        if verb in ("up", "run") and tuple(command) not in seen:
            seen.add(tuple(command))
            yield command


def wait_until_content(platform: Platform) -> bool:
    deadline = time.monotonic() + WELL_WITHIN_SECONDS
    while platform.command("doctor").returncode:
        if time.monotonic() > deadline:
            return False
    return True


def follow_advice(platform: Platform, advice: list[list[str]]) -> tuple[list[list[str]], bool]:
    """Run the commands in their order until the doctor is content; return those that were run, and whether it is."""
    for number, command in enumerate(advice, 1):
        platform.command(*command)
        if wait_until_content(platform):
            return advice[:number], True
    return advice, False


def try_fault(platform: Platform, cause: Callable[[Platform], None]) -> tuple[dict[str, object], str]:
    """Return what was said and done, and what is wrong with it, or ''."""
    cause(platform)
    doctor = platform.command("doctor")
    said = [line.strip() for line in doctor.stdout.splitlines() if line.strip() and "ok" not in line.split()[1:2]]
    advice = list(find_advice(doctor.stdout))
    # `make up` mends what is stopped; where it is named, the other advice is for what remains.
    advice.sort(key=lambda command: command != ["up"])
    followed, content = follow_advice(platform, advice)
    finding = {"said": said, "followed": followed, "content_after": content}
    if doctor.returncode == 0:
        return finding, "the doctor was content"
    if not advice:
        return finding, "the doctor named no command"
    return finding, "" if content else "its advice did not help"


def main() -> int:
    findings, broken = {}, []
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder, bring_up(Path(folder), sample_films=MOVIES) as platform:
        for name, cause in FAULTS.items():
            print(name, file=sys.stderr)  # noqa: T201  # progress
            findings[name], wrong = try_fault(platform, cause)
            keep("doctor", findings)
            if wrong:
                broken.append(f"{name}: {wrong}")
    keep("doctor", findings)
    show(findings)
    return conclude(broken)


if __name__ == "__main__":
    sys.exit(main())
