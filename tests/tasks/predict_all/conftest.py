"""The movies that the tests of predict_all rate: the files follow one another, in the order of their names."""

from collections.abc import Iterator

import pytest

from infra.local.stack import Stack
from tasks.settings import Settings
from tests.tasks.movies import add_movies, forget_models, publish
from tests.tasks.settings_factory import in_environment, own_environment


@pytest.fixture(scope="package")
def settings(stack: Stack) -> Iterator[Settings]:
    """Movies published in a set of their own, not yet rated."""
    with own_environment(stack) as environment, in_environment(environment) as settings:
        forget_models(settings)
        add_movies(settings)
        publish(settings)
        yield settings
