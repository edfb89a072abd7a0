"""The service on what the tasks published: entry points and table agree, answers replay equal, skew is found."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import cast

import pytest

from infra.local.stack import Stack
from tasks import build_features, publish_features
from tasks.settings import Settings
from tests.bench.deployer import Deployer
from tests.bench.published_sample import PublishedSample, read_rows
from tests.bench.scenarios.agreement import compare, find_broken
from tests.bench.scenarios.replay import find_broken as find_unequal
from tests.bench.scenarios.replay import try_releases
from tests.bench.service import Service
from tests.bench.versions import Live, connect, register, shift
from tests.conftest import started_stack
from tests.serving.releases import make_release
from tests.serving.tiny_models import export_onnx
from tests.serving.under_load.conftest import PYTHON
from tests.tasks.movies import FEATURES, add_movies, fit, read_live
from tests.tasks.settings_factory import deploy_model, in_environment, own_environment, run_verb

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]  # MLflow's client warns of itself

RECEIPTS = 150


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with started_stack(tmp_path_factory.mktemp("entry_points")) as servers:
        yield servers


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[PublishedSample]:
    """Three hundred movies, published but for the ratings."""
    with own_environment(stack) as environment, in_environment(environment) as settings:
        today = datetime.now(UTC).date()
        add_movies(settings)
        run_verb(build_features, settings, today)
        run_verb(publish_features, settings, today)
        project = read_live(settings).feature_set
        serving = stack.environment("serving")
        yield PublishedSample(
            python={"serving": PYTHON},
            serving=serving | {"RECEIPTS_DATABASE_URL": environment["RECEIPTS_DATABASE_URL"], "DEPLOYMENT_POLL_SECONDS": "0.5"},
            peers={"FEAST_PROJECT": project},
            rows=read_rows(serving["REDIS_URL"], project),
            stack=stack,
            tasks=environment,
        )


@pytest.fixture(scope="module")
def model(world: PublishedSample) -> bytes:
    return export_onnx(fit(Settings(), 1), FEATURES)


@pytest.fixture(scope="module")
def live(world: PublishedSample, model: bytes) -> Live:
    """The model is deployed with its predictions of all movies."""
    uri = world.serving["MLFLOW_TRACKING_URI"]
    version = register(connect(uri), model, make_schema_fit(model))
    deploy_model(Settings(), date.fromisoformat(read_live(Settings()).day))
    return Live(Deployer(world.stack, uri, {}), [(0, version)])


def make_schema_fit(model: bytes) -> dict[str, object]:
    """A release of the published features."""
    release: dict[str, object] = json.loads(make_release(model, schema_hash=read_live(Settings()).schema_hash))
    return release


@pytest.fixture(scope="module")
def service(world: PublishedSample, live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(PYTHON, Path(tmp_path_factory.mktemp("service")), world.serving)
    try:
        service.start()
        service.wait_until_ready()
        yield service
    finally:
        service.stop()


def test_every_entry_point_and_the_table_give_a_movie_the_same_rating(world: PublishedSample, service: Service) -> None:
    assert len(world.rows) == 300
    assert find_broken(compare(service, sorted(world.rows), world.tasks["MOVIES_DATABASE_URL"])) == []


def test_answers_of_two_releases_replay_equal_and_a_corrupt_feature_is_found(
    world: PublishedSample, service: Service, live: Live, model: bytes
) -> None:
    other = shift(model, 0.25)
    second = register(connect(world.serving["MLFLOW_TRACKING_URI"]), other, make_schema_fit(other))
    deployer = cast(Deployer, live.deploy)
    deployer.shifts[second] = 0.25
    assert find_unequal(try_releases(world, service, live, second, RECEIPTS)) == []
