"""The movies and the model that the tests deploy: the files follow one another, in the order of their names."""

from collections.abc import Iterator

import pytest
from pyiceberg.utils.config import Config

from infra.local.stack import Stack
from tasks.settings import Settings
from tests.serving.tiny_models import export_onnx
from tests.tasks.movies import FEATURES, add_movies, crown, fit, forget_models, publish
from tests.tasks.settings_factory import own_environment


@pytest.fixture(scope="package")
def settings(stack: Stack) -> Iterator[Settings]:
    """Movies published in a set of their own, one model registered, nothing live."""
    with pytest.MonkeyPatch.context() as patch, own_environment(stack) as environment:
        for name, value in environment.items():
            patch.setenv(name, value)
        # PyIceberg reads its environment once, when it is imported.
        patch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())
        settings = Settings()
        forget_models(settings)
        add_movies(settings)
        publish(settings)
        crown(settings, export_onnx(fit(settings, 1), FEATURES))
        yield settings
