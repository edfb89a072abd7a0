"""Tests faults of Redis under load, for seconds instead of minutes: every answer is labelled, and the service recovers."""

import threading
from pathlib import Path
from signal import Signals

import pytest

from tests.bench.corruption import Corruption
from tests.bench.load.slow_proxy import SlowProxy
from tests.bench.scenarios.fault_scenes import FRESH, PREDICTION_SET, Ratings, Scene, play_all
from tests.serving.conftest import World
from tests.serving.deployed import LIVE
from tests.serving.published_features import write_features
from tests.serving.tiny_models import FEATURES
from tests.serving.under_load.conftest import Serve

pytestmark = pytest.mark.integration

RATE, HOLD_SECONDS, SETTLE_SECONDS = 150, 1, 3


def test_every_answer_is_labelled_whatever_happens_to_redis(world: World, serve: Serve, ratings: Ratings, tmp_path: Path) -> None:
    valkey, movies = world.valkey, world.movies

    def publish() -> None:
        write_features(valkey.port, LIVE, movies)
        world.deployed.write()

    def come_back_empty() -> None:
        valkey.start()
        publish()

    corrupt = Corruption(world.redis, LIVE, [movie.movie_id for movie in movies[:20]], FEATURES)
    scenes = [
        Scene("killed", lambda: valkey.stop(Signals.SIGKILL), come_back_empty, must=(PREDICTION_SET,), may=(FRESH,)),
        Scene(
            "stopped",
            lambda: valkey.send(Signals.SIGSTOP),
            lambda: valkey.send(Signals.SIGCONT),
            must=(PREDICTION_SET,),
            may=(FRESH,),
        ),
        Scene("emptied", world.redis.flushall, publish, must=(PREDICTION_SET,), may=(FRESH,)),
        Scene("corrupt", corrupt.write, corrupt.undo, must=(FRESH, PREDICTION_SET)),
    ]
    service = serve()
    played = play_all(service, scenes, ratings, tmp_path, rate=RATE, hold_seconds=HOLD_SECONDS, settle_seconds=SETTLE_SECONDS)
    assert {each.scene.name: each.broken for each in played if each.broken} == {}


def test_a_slow_or_broken_network_to_redis_is_not_the_callers_concern(
    world: World, serve: Serve, ratings: Ratings, tmp_path: Path
) -> None:
    over = threading.Event()

    def delay(seconds: float) -> None:
        proxy.delay_seconds = seconds

    def keep_resetting() -> None:
        while not over.wait(0.1):
            proxy.reset()

    resetter = threading.Thread(target=keep_resetting)

    def end_resets() -> None:
        over.set()
        resetter.join()

    scenes = [
        Scene("slower", lambda: delay(0.04), lambda: delay(0), may=(PREDICTION_SET,)),
        Scene("much slower", lambda: delay(0.5), lambda: delay(0), must=(PREDICTION_SET,), may=(FRESH,)),
        Scene("reset", resetter.start, end_resets, may=(PREDICTION_SET,)),
    ]
    with SlowProxy(world.valkey.port) as proxy:
        service = serve(REDIS_URL=world.valkey.url.replace(f":{world.valkey.port}/", f":{proxy.port}/"))
        played = play_all(service, scenes, ratings, tmp_path, rate=RATE, hold_seconds=HOLD_SECONDS, settle_seconds=SETTLE_SECONDS)
        service.stop()
    assert {each.scene.name: each.broken for each in played if each.broken} == {}
