"""Recomputes predictions from receipts, offline rows and prediction sets, and compares them with the receipts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from tasks.core.audit.receipts import Receipt, Row, find_differing, offline_values, to_float32
from tasks.core.model.onnx_model import predict_onnx, read_onnx_features

TOLERANCE = 1e-6
"""The largest difference between two outputs of one model on the same values, in rating points."""
HALF_A_STEP = 0.5e-4
"""The largest change by rounding to four decimals, in rating points."""
REPLAYED, OFFLINE, PUBLISHED = "replayed from it", "in the offline store", "in the prediction set"


@dataclass(frozen=True)
class Difference:
    """A field of a receipt with another value elsewhere."""

    field: str
    recorded: object
    found: object
    where: str

    def __str__(self) -> str:
        """Return one phrase with both values."""
        return f"{self.field} is {_show(self.recorded)} in the receipt, {_show(self.found)} {self.where}"


Differences = list[Difference]


def replay(receipts: Sequence[Receipt], exported: bytes, rows: Mapping[str, Row] | None) -> list[Differences]:
    """Compare receipts of one model and one feature set with the model's output for their values and for the offline rows.

    rows: by movie_id, of the snapshot and the day that the feature set was published from, with event_timestamp; None if
    that snapshot does not exist any more. Returns one entry per receipt.
    """
    names = read_onnx_features(exported)
    entries = [_compare_width(receipt, names) for receipt in receipts]
    comparable = [number for number, differences in enumerate(entries) if not differences]
    if not comparable:
        return entries
    recorded = to_float32([receipts[number].features or () for number in comparable])
    for number, output in zip(comparable, predict_onnx(exported, recorded), strict=True):
        entries[number] += compare_outputs(receipts[number], float(output), REPLAYED)

    if rows is None:
        for number in comparable:
            entries[number].append(Difference("snapshot_id", receipts[number].snapshot_id, None, OFFLINE))
        return entries
    offline = [rows.get(receipts[number].movie_id) for number in comparable]
    values = to_float32(offline_values(receipts[n], names, row or {}) for n, row in zip(comparable, offline, strict=True))
    outputs, differing = predict_onnx(exported, values), find_differing(recorded, values)
    for place, (number, row) in enumerate(zip(comparable, offline, strict=True)):
        receipt = receipts[number]
        if row is None:
            entries[number].append(Difference("movie_id", receipt.movie_id, None, OFFLINE))
            continue
        entries[number] += [
            Difference(names[column], recorded[place, column], values[place, column], OFFLINE)
            for column in np.flatnonzero(differing[place])
        ]
        entries[number] += _compare_times(receipt, row["event_timestamp"], OFFLINE)
        entries[number] += compare_outputs(receipt, float(outputs[place]), "from the offline store")
    return entries


def replay_published(receipts: Sequence[Receipt], rows: Mapping[str, Row]) -> list[Differences]:
    """Compare receipts whose ratings came from one prediction set with that set; return one entry per receipt.

    rows: by movie_id, as tasks.core.predictions.predict computes them.
    """
    return [_compare_published(receipt, rows.get(receipt.movie_id)) for receipt in receipts]


def compare_outputs(receipt: Receipt, output: float, where: str) -> Differences:
    """Compare the receipt's output and rating with an output; NaN equals no rating."""
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
