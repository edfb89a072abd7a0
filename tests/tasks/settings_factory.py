"""Settings of the embedded stack with a database schema of their own, so that a test meets empty tables; verbs run by them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from types import ModuleType
from typing import Any

import pytest
from pyiceberg.utils.config import Config

from infra.local.stack import Stack
from tasks import deploy, predict_all
from tasks.core.deployment.history import find_live
from tasks.core.deployment.record import Deployment
from tasks.core.errors import Superseded
from tasks.io.postgres.connection import connect
from tasks.io.postgres.deployments import read_deployments
from tasks.io.postgres.lease import take
from tasks.settings import Settings
from tests.schemas import own_schema


def read_settings(environment: dict[str, str]) -> Settings:
    values: dict[str, Any] = {name: environment[name.upper()] for name in Settings.model_fields if name.upper() in environment}
    return Settings(**values)


@contextmanager
def own_environment(stack: Stack) -> Iterator[dict[str, str]]:
    """The tasks' environment, the URLs of movies and of receipts naming new schemas that go away at the end."""
    environment = stack.environment("tasks")
    names = ("MOVIES_DATABASE_URL", "RECEIPTS_DATABASE_URL")
    with own_schema(environment[names[0]], "movies") as movies, own_schema(environment[names[1]], "receipts") as receipts:
        yield environment | dict(zip(names, (movies, receipts), strict=True))


@contextmanager
def in_environment(environment: dict[str, str], **chosen: Any) -> Iterator[Settings]:
    """Within the block this process has these variables, as a task's own has; yield the settings, with the `chosen` ones."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        # PyIceberg reads its environment once, when it is imported.
        patch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())
        yield Settings(**chosen)


def run_verb(verb: ModuleType, settings: Settings, day: date, **options: str | date) -> None:
    """Run a verb under its lease, as `python -m tasks.<verb>` does."""
    with take(settings, getattr(verb, "LEASE", verb.__name__.rpartition(".")[2])) as lease:
        verb.run(settings, day, lease, **options)


def deploy_model(settings: Settings, day: date) -> None:
    """Predict by the newest model that passed, and make it live, as the DAG train_model does."""
    run_verb(predict_all, settings, day, part="model")
    run_verb(deploy, settings, day, part="model")


def deploy_features(settings: Settings, day: date) -> None:
    """Predict the newest features, and make them live, as the DAG refresh_movies does."""
    run_verb(predict_all, settings, day, part="features")
    run_verb(deploy, settings, day, part="features")


def read_live_deployment(settings: Settings) -> Deployment:
    with connect(settings) as conn:
        live = find_live(read_deployments(conn))
    assert live is not None
    return live


def number_attempt(settings: Settings, number: int, run: str = "manual") -> Settings:
    """The settings of this attempt at one and the same task."""
    return settings.model_copy(update={"task_attempt": f"refresh_movies/{run}/task/{number}"})


@contextmanager
def overtaken(target: Any, step: str, overtake: Callable[[], None], call: int = 1) -> Iterator[None]:
    """Within the block, whoever comes to this call of the step is overtaken before it, and must end as Superseded for that."""
    calls, original = 0, getattr(target, step)

    def stepped(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            patch.undo()
            overtake()
        return original(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target, step, stepped)
        with pytest.raises(Superseded):
            yield
    assert calls == call
