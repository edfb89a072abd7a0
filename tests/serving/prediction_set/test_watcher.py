"""The catalogue that is served, on real S3: fetched, swapped, refused, and kept when everything else is away."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from infra.local.stack import Stack
from infra.platform.accounts import BUCKET
from infra.platform.connections import connect_s3
from serving.core.errors import CorruptRow, StoreUnavailable
from serving.core.requested_id import RequestedId
from serving.features.feature_store import FeatureStore
from serving.prediction_set import cache as store_module
from serving.prediction_set import fetch as fetching
from serving.prediction_set import watcher as watch_module
from serving.prediction_set.cache import PredictionSetCache
from serving.prediction_set.fetch import FetchFailed
from serving.prediction_set.pointer import POINTER_KEY, parse_pointer
from serving.prediction_set.watcher import PredictionSetWatcher
from serving.settings import Settings
from tests.serving.prediction_set.factories import Film, build, render_pointer
from tests.serving.servers import REPOSITORY, Valkey, free_port

pytestmark = pytest.mark.integration

FIRST = [Film("tt0000001", "The Matrix", 1999, 603)]
SECOND = [*FIRST, Film("tt0000002", "Alien", 1979)]


@dataclass
class Keys:
    """A Redis that says what it is told to."""

    pointer: bytes | None = None
    away: bool = False
    asked: list[bytes] = field(default_factory=list)

    async def read_key(self, key: bytes) -> bytes | None:
        self.asked.append(key)
        if self.away:
            raise StoreUnavailable("the feature store is unreachable")
        return self.pointer


@dataclass
class World:
    """A bucket to publish in, and watches on it that share a cache."""

    stack: Stack
    folder: Path
    keys: Keys
    settings: Settings

    def publish(self, films: list[Film], **changed: Any) -> bytes:
        """Put a catalogue into the bucket and point to it; return its pointer."""
        path = self.folder / "produced.sqlite"
        path.unlink(missing_ok=True)
        build(path, films)
        pointer = render_pointer(path, **changed)
        key = json.loads(pointer)["catalogue_key"]
        connect_s3(self.stack.endpoints).put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
        self.keys.pointer = pointer
        return pointer

    def watch(self) -> PredictionSetWatcher:
        return PredictionSetWatcher(self.settings, self.keys)

    @property
    def cached(self) -> list[str]:
        return sorted(path.name for path in self.settings.catalogue_cache_dir.iterdir() if path.suffix != ".json")


def make_settings(folder: Path, bucket: str | None, redis_url: str = "redis://127.0.0.1:9/0") -> Settings:
    values = {"redis_url": redis_url, "mlflow_tracking_uri": "http://127.0.0.1:9", "catalogue_cache_dir": folder / "cache"}
    return Settings.model_validate(values | {"s3_bucket": bucket})


@pytest.fixture
def world(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in stack.environment("serving").items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    return World(stack, tmp_path, Keys(), make_settings(tmp_path, BUCKET))


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def served(watch: PredictionSetWatcher) -> int:
    """How many films are served; they are really asked for."""
    assert watch.current is not None
    assert watch.current.find(RequestedId(tmdb_id=603)) is not None
    return watch.current.about.films


def digest(pointer: bytes) -> str:
    return parse_pointer(pointer).sha256


def test_a_new_catalogue_replaces_the_one_before_and_two_are_kept(world: World) -> None:
    watch = world.watch()
    pointers = [world.publish(FIRST)]
    run(watch.poll())
    assert (served(watch), world.keys.asked) == (1, [POINTER_KEY.encode()])
    for films in (SECOND, [*SECOND, Film("tt0000003", "Aliens", 1986)]):
        pointers.append(world.publish(films))
        run(watch.poll())
        assert served(watch) == len(films)
    assert world.cached == sorted(f"{digest(pointer)}.sqlite" for pointer in pointers[1:])
    world.keys.pointer = pointers[1]  # back to the one before, which needs no download
    connect_s3(world.stack.endpoints).delete_object(Bucket=BUCKET, Key=parse_pointer(pointers[1]).key)
    run(watch.poll())
    assert served(watch) == 2
    watch.close()


def test_the_last_good_one_is_served_without_redis_and_s3(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.publish(FIRST, day="2026-11-21")
    watch = world.watch()
    run(watch.poll())
    world.publish(FIRST, day="2026-11-22")  # the same ratings, found right for another day
    run(watch.poll())
    watch.close()
    world.keys.away = True
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    later = world.watch()
    run(later.load_last_good())
    assert served(later) == 1
    assert later.current is not None
    assert later.current.about.day == date(2026, 11, 22)
    with pytest.raises(StoreUnavailable):
        run(later.poll())
    later.close()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"catalogue_bytes": 4096}, "the pointer says 4096"),
        ({"catalogue_bytes": 2**40}, "at most"),
        ({"catalogue_bytes": 0}, "at most"),
        ({"catalogue_sha256": "0" * 64}, "has sha256"),
    ],
)
def test_what_does_not_verify_is_refused_and_the_one_before_stays(
    world: World, caplog: pytest.LogCaptureFixture, changed: dict[str, Any], reason: str
) -> None:
    watch = world.watch()
    world.publish(FIRST)
    run(watch.poll())
    before = world.cached
    world.publish(SECOND, **changed)
    run(watch.poll())
    run(watch.poll())  # not tried again so soon
    assert served(watch) == 1
    assert watch.refused is not None
    assert reason in watch.refused.reason
    assert (watch.refusals, world.cached) == (1, before)
    assert sum("is refused" in record.message for record in caplog.records) == 1
    world.publish(SECOND)
    if "catalogue_sha256" not in changed:
        watch.refused = None  # the same file: its time to be tried again has come
    run(watch.poll())
    assert (served(watch), watch.refused) == (2, None)
    watch.close()


def test_ratings_that_are_none_are_refused(world: World) -> None:
    watch = world.watch()
    world.publish([*FIRST, Film("tt0000002", "Too good", model_output=11.0)])
    run(watch.poll())
    assert watch.current is None
    assert watch.refused is not None
    assert "rates tt0000002 11.0" in watch.refused.reason
    assert "did not verify" in watch.explain_absence()


@pytest.mark.parametrize("fault", ["no object", "no store", "slow store"])
def test_what_cannot_be_fetched_now_is_tried_again(world: World, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = world.watch()
    pointer = world.publish(FIRST)
    with monkeypatch.context() as patch:
        if fault == "no object":
            world.keys.pointer = json.dumps(json.loads(pointer) | {"catalogue_key": "predictions/nothing"}).encode()
        if fault == "no store":
            patch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{free_port()}")
        if fault == "slow store":
            patch.setattr(fetching, "FETCH_SECONDS", 0.2)
        with pytest.raises(FetchFailed):
            run(watch.poll())
    assert (watch.current, watch.refused) == (None, None)
    world.keys.pointer = pointer
    run(watch.poll())
    assert served(watch) == 1
    watch.close()


def test_a_damaged_cache_is_fetched_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    pointer = world.publish(FIRST)
    watch = world.watch()
    run(watch.poll())
    watch.close()
    path = PredictionSetCache(world.settings.catalogue_cache_dir).path(digest(pointer))
    path.write_bytes(path.read_bytes()[:-1])
    later = world.watch()
    run(later.load_last_good())
    assert later.current is None
    assert "the last good catalogue is not served" in caplog.text
    run(later.poll())
    assert served(later) == 1
    later.close()


def test_what_a_killed_download_left_is_deleted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.settings.catalogue_cache_dir.mkdir()
    (world.settings.catalogue_cache_dir / "incoming-old").touch()
    os.utime(world.settings.catalogue_cache_dir / "incoming-old", (1, 1))
    (world.settings.catalogue_cache_dir / "incoming-new").touch()
    watch = world.watch()
    world.publish(FIRST)
    run(watch.poll())
    assert [name for name in world.cached if name.startswith("incoming")] == ["incoming-new"]
    assert store_module.ABANDONED_SECONDS > fetching.FETCH_SECONDS
    watch.close()


@pytest.mark.parametrize(
    "pointer",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"catalogue_key": "k", "catalogue_sha256": "../x", "catalogue_bytes": 1, "day": "2026-11-22"}',
    ],
)
def test_a_pointer_that_is_none_changes_nothing(world: World, pointer: bytes) -> None:
    watch = world.watch()
    world.publish(FIRST)
    run(watch.poll())
    world.keys.pointer = pointer
    with pytest.raises(CorruptRow):
        run(watch.poll())
    assert served(watch) == 1
    watch.close()


def test_trouble_is_said_once_and_following_goes_on(
    world: World, valkey: Valkey, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the service's own reader on a real Valkey."""
    monkeypatch.setattr(watch_module, "POLL_SECONDS", 0.05)
    settings = make_settings(world.folder, BUCKET, valkey.url)
    pointer = world.publish(FIRST)

    async def follow() -> tuple[str, str]:
        store = FeatureStore(settings)
        watch = PredictionSetWatcher(settings, store)
        following = asyncio.create_task(watch.follow())
        valkey.stop()
        async with asyncio.timeout(30):
            while not watch.trouble:
                await asyncio.sleep(0.05)
            trouble = watch.trouble
            await asyncio.sleep(0.5)
            valkey.start()
            valkey.admin().set(POINTER_KEY, pointer)
            while watch.current is None or watch.trouble:
                await asyncio.sleep(0.05)
        assert served(watch) == 1
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await store.close()
        watch.close()
        return trouble, watch.trouble

    trouble, later = asyncio.run(follow())
    assert ("feature store" in trouble, later) == (True, "")
    assert sum(record.name == "serving.prediction_set.watcher" and record.levelname == "ERROR" for record in caplog.records) <= 2


def test_without_a_bucket_nothing_is_done(tmp_path: Path) -> None:
    keys = Keys()
    watch = PredictionSetWatcher(make_settings(tmp_path, None), keys)

    async def follow() -> None:
        await watch.load_last_good()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watch.follow(), 0.2)

    asyncio.run(follow())
    assert (keys.asked, watch.current, watch.trouble) == ([], None, "")
    assert "S3_BUCKET" in watch.explain_absence()


def test_the_service_itself_imports_no_boto3() -> None:
    code = "import sys, serving.prediction_set.watcher; print(*{'boto3', 'botocore'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.strip() == ""
