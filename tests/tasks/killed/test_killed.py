"""A few of the trials of `make bench-deployments`, at steps around the flip."""

from collections.abc import Iterator

import pytest

from infra.local.stack import Stack
from tests.conftest import started_stack
from tests.serving.tiny_models import export_onnx
from tests.tasks.killed.trials import Trials, open_trials
from tests.tasks.movies import FEATURES, TODAY, add_movies, crown, fit, publish
from tests.tasks.settings_factory import deploy_features, deploy_model, in_environment, own_environment

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with started_stack(tmp_path_factory.mktemp("killed")) as servers:
        yield servers


@pytest.fixture(scope="module")
def trials(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    with own_environment(stack) as environment, in_environment(environment) as settings:
        add_movies(settings)
        publish(settings)
        crown(settings, export_onnx(fit(settings, 1), FEATURES))
        deploy_model(settings, TODAY)
        with open_trials(settings, TODAY, environment, tmp_path_factory.mktemp("log") / "runner.log") as trials:
            trials.change_movies()
            publish(settings)
            deploy_features(settings, TODAY)
            yield trials


@pytest.mark.parametrize("step", range(1, 15, 2))
def test_a_deployment_that_is_killed_is_whole_or_not_there(step: int, trials: Trials) -> None:
    trials.try_deploying(step)


@pytest.mark.parametrize("step", range(2, 13, 3))
def test_a_rollback_that_is_killed_is_whole_or_not_there(step: int, trials: Trials) -> None:
    trials.try_rolling_back(step)


@pytest.mark.parametrize(("publishing", "predicting"), [(2, 2), (20, 4), (45, 6)])
def test_parts_killed_during_preparation_are_never_live(publishing: int, predicting: int, trials: Trials) -> None:
    trials.try_preparing(publishing)
    trials.try_predicting(predicting)


def test_the_trials_killed_something(trials: Trials) -> None:
    assert sum(count for name, count in trials.ended.items() if name.endswith("killed")) >= 12, trials.ended
