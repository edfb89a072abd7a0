"""What a film would be rated if some of its features were others."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from serving.core.answer import Answer
from serving.core.rating import Row
from serving.models.release_watcher import Release


class UnknownFeature(Exception):
    """An override names what the served model does not read."""

    def __init__(self, name: str, features: tuple[str, ...]) -> None:
        super().__init__(f"the served model reads no feature {name!r}; it reads {', '.join(sorted(features))}")
        self.name = name


class OutOfRange(NamedTuple):
    """An override beyond all that training saw: the model never learned what follows from it."""

    feature: str
    value: float
    lowest: float
    highest: float


class WhatIf(NamedTuple):
    """The rating with the overrides, the rating without, and the overrides to be wary of."""

    answer: Answer
    rating_as_it_is: float
    out_of_range: list[OutOfRange]


def apply_overrides(features: Row, release: Release, overrides: Mapping[str, float | None]) -> tuple[Row, list[OutOfRange]]:
    """The row with these values, None meaning unknown, and those outside the training rows' range; raises UnknownFeature."""
    columns = {name: column for column, name in enumerate(release.predictor.features)}
    changed, beyond = features.copy(), []
    for name, value in overrides.items():
        if name not in columns:
            raise UnknownFeature(name, release.predictor.features)
        changed[columns[name]] = np.nan if value is None else value
        lowest, highest = release.record.ranges.get(name, (-np.inf, np.inf))
        if value is not None and not lowest <= value <= highest:
            beyond.append(OutOfRange(name, value, lowest, highest))
    return changed, beyond
