"""The movies and the model that the tests deploy: the files follow one another, in the order of their names."""

from collections.abc import Iterator

import pytest

from infra.local.stack import Stack
from tasks.settings import Settings
from tests.serving.tiny_models import export_onnx
from tests.tasks.movies import FEATURES, add_movies, crown, fit, forget_models, publish
from tests.tasks.settings_factory import in_environment, own_environment


@pytest.fixture(scope="package")
def settings(stack: Stack) -> Iterator[Settings]:
    """Movies published in a set of their own, one model registered, nothing live."""
    with own_environment(stack) as environment, in_environment(environment) as settings:
        forget_models(settings)
        add_movies(settings)
        publish(settings)
        crown(settings, export_onnx(fit(settings, 1), FEATURES))
        yield settings
