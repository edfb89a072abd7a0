"""Answers made again: from the receipt and its model, and from the offline rows or published ratings of then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from tasks.core.audit.receipts import Receipt, Row, find_differing, offline_values, to_float32
from tasks.core.model.onnx_model import predict_onnx, read_onnx_features

TOLERANCE = 1e-6
"""Between two outputs of one model on the same values."""
HALF_A_STEP = 0.5e-4
"""The most by which a rating of four decimals is rounded."""
REPLAYED, OFFLINE, PUBLISHED = "replayed from it", "in the offline store", "in the published ratings"


@dataclass(frozen=True)
class Difference:
    """A field of a receipt that is found otherwise."""

    field: str
    recorded: object
    found: object
    where: str

    def __str__(self) -> str:
        """One phrase, both values in it."""
        return f"{self.field} is {_show(self.recorded)} in the receipt, {_show(self.found)} {self.where}"


Differences = list[Difference]


def replay(receipts: Sequence[Receipt], exported: bytes, rows: Mapping[str, Row] | None) -> list[Differences]:
    """Compare receipts of one model and one feature set with what the model gives for their values, and for the offline rows.

    rows: by movie_id, of the snapshot and day that the feature set was published from, with event_timestamp; None where
    that snapshot is no more. Returns an entry each.
    """
    names = read_onnx_features(exported)
    found = [_compare_width(receipt, names) for receipt in receipts]
    whole = [number for number, differences in enumerate(found) if not differences]
    if not whole:
        return found
    recorded = to_float32([receipts[number].features or () for number in whole])
    for number, output in zip(whole, predict_onnx(exported, recorded), strict=True):
        found[number] += compare_outputs(receipts[number], float(output), REPLAYED)

    if rows is None:
        for number in whole:
            found[number].append(Difference("snapshot_id", receipts[number].snapshot_id, None, OFFLINE))
        return found
    offline = [rows.get(receipts[number].movie_id) for number in whole]
    values = to_float32(offline_values(receipts[n], names, row or {}) for n, row in zip(whole, offline, strict=True))
    outputs, differing = predict_onnx(exported, values), find_differing(recorded, values)
    for place, (number, row) in enumerate(zip(whole, offline, strict=True)):
        receipt = receipts[number]
        if row is None:
            found[number].append(Difference("movie_id", receipt.movie_id, None, OFFLINE))
            continue
        found[number] += [
            Difference(names[column], recorded[place, column], values[place, column], OFFLINE)
            for column in np.flatnonzero(differing[place])
        ]
        found[number] += _compare_times(receipt, row["event_timestamp"], OFFLINE)
        found[number] += compare_outputs(receipt, float(outputs[place]), "from the offline store")
    return found


def replay_published(receipts: Sequence[Receipt], rows: Mapping[str, Row]) -> list[Differences]:
    """Compare receipts whose ratings were taken from one published set with that set; an entry each.

    rows: by movie_id, as tasks.core.predictions.predict has them.
    """
    return [_compare_published(receipt, rows.get(receipt.movie_id)) for receipt in receipts]


def compare_outputs(receipt: Receipt, output: float, where: str) -> Differences:
    """The model's output and the rating that was answered, against an output; NaN is no rating's equal."""
    differences = []
    if not abs(receipt.model_output - output) <= TOLERANCE:
        differences.append(Difference("model_output", receipt.model_output, output, where))
    if not abs(receipt.rating - output) <= HALF_A_STEP + TOLERANCE:
        differences.append(Difference("rating", receipt.rating, output, where))
    return differences


def _compare_published(receipt: Receipt, row: Row | None) -> Differences:
    if row is None:
        return [Difference("movie_id", receipt.movie_id, None, PUBLISHED)]
    differences = []
    if not abs(receipt.model_output - row["model_output"]) <= TOLERANCE:
        differences.append(Difference("model_output", receipt.model_output, row["model_output"], PUBLISHED))
    if receipt.rating != row["rating"]:
        differences.append(Difference("rating", receipt.rating, row["rating"], PUBLISHED))
    return [*differences, *_compare_times(receipt, row["features_as_of"], PUBLISHED)]


def _compare_times(receipt: Receipt, time: object, where: str) -> Differences:
    return [] if receipt.features_as_of == time else [Difference("features_as_of", receipt.features_as_of, time, where)]


def _compare_width(receipt: Receipt, names: Sequence[str]) -> Differences:
    recorded = len(receipt.features or ())
    return [] if recorded == len(names) else [Difference("number of features", recorded, len(names), "in the model")]


def _show(value: object) -> str:
    match value:
        case None:
            return "none"
        case float() | np.floating():
            return "unknown" if np.isnan(value) else f"{value:.9g}"
        case datetime():
            return value.isoformat()
        case _:
            return str(value)
