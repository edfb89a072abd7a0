"""Overrides: a movie's features with some values changed, and the ratings with and without them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from serving.core.answer import Answer
from serving.core.rating import Row
from serving.deployments.deployment import ServedModel


class UnknownFeature(Exception):
    """Error for an override of a feature that the served model does not read."""

    def __init__(self, name: str, features: tuple[str, ...]) -> None:
        super().__init__(f"the served model does not read the feature {name!r}; it reads {', '.join(sorted(features))}")
        self.name = name


class OutOfRange(NamedTuple):
    """An override outside the range of the training rows, for which the model has seen no example."""

    feature: str
    value: float
    lowest: float
    highest: float


class WhatIf(NamedTuple):
    """The rating with the overrides, the rating without them, and the overrides outside the training range."""

    answer: Answer
    rating_as_it_is: float
    out_of_range: list[OutOfRange]


def apply_overrides(features: Row, model: ServedModel, overrides: Mapping[str, float | None]) -> tuple[Row, list[OutOfRange]]:
    """Return the row with these values (None: unknown), and the values outside the training range. Raise UnknownFeature."""
    columns = {name: column for column, name in enumerate(model.onnx.features)}
    changed, out_of_range = features.copy(), []
    for name, value in overrides.items():
        if name not in columns:
            raise UnknownFeature(name, model.onnx.features)
        changed[columns[name]] = np.nan if value is None else value
        lowest, highest = model.record.ranges.get(name, (-np.inf, np.inf))
        if value is not None and not lowest <= value <= highest:
            out_of_range.append(OutOfRange(name, value, lowest, highest))
    return changed, out_of_range
