"""Counts, feature by feature, how often the API's input differs from the offline store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tasks.core.audit.receipts import Receipt, Row, find_differing, offline_values, to_float32

WIDTH, ROW, TIME = "number of features", "movie_id", "features_as_of"
"""Counted like features: the model has as many columns, the movie has an offline row, and that row has the same time."""


@dataclass(frozen=True)
class Group:
    """Receipts of one model and one feature set, and the offline rows that the set was published from."""

    names: Sequence[str]
    """The model's columns."""
    receipts: Sequence[Receipt]
    rows: Mapping[str, Row]
    """By movie_id, with event_timestamp."""


@dataclass(frozen=True)
class Skew:
    """The result for one feature: the values compared, those that differ, and a prediction with one that differs."""

    feature: str
    compared: int = 0
    mismatched: int = 0
    example: str | None = None

    @property
    def share(self) -> float:
        return self.mismatched / self.compared if self.compared else 0.0

    def __str__(self) -> str:
        """Render as in `budget_millions in 3 of 412 (0.73 %), as in prediction 01…`."""
        return f"{self.feature} in {self.mismatched} of {self.compared} ({self.share:.2%}), as in prediction {self.example}"


def compute_skew(groups: Sequence[Group]) -> list[Skew]:
    """Return the counts over all groups, by name, also of features that never differ. Values are compared as float32."""
    counted: dict[str, Skew] = {}
    for group in groups:
        widths = [len(receipt.features or ()) for receipt in group.receipts]
        _count(counted, WIDTH, group.receipts, [width != len(group.names) for width in widths])
        comparable = [receipt for receipt, width in zip(group.receipts, widths, strict=True) if width == len(group.names)]
        _count(counted, ROW, comparable, [receipt.movie_id not in group.rows for receipt in comparable])
        matched = [receipt for receipt in comparable if receipt.movie_id in group.rows]
        rows = [group.rows[receipt.movie_id] for receipt in matched]
        times = [receipt.features_as_of != row["event_timestamp"] for receipt, row in zip(matched, rows, strict=True)]
        _count(counted, TIME, matched, times)
        if not matched:
            continue
        recorded = to_float32([receipt.features or () for receipt in matched])
        offline = to_float32(offline_values(receipt, group.names, row) for receipt, row in zip(matched, rows, strict=True))
        differing = find_differing(recorded, offline)
        for column, name in enumerate(group.names):
            _count(counted, name, matched, differing[:, column].tolist())
    return [counted[name] for name in sorted(counted)]


def select_skewed(skews: Sequence[Skew], max_share: float) -> list[Skew]:
    """Return the features that differ in more than the share of values, the worst first."""
    return sorted((skew for skew in skews if skew.share > max_share), key=lambda skew: (-skew.share, skew.feature))


def _count(counted: dict[str, Skew], feature: str, receipts: Sequence[Receipt], differs: Sequence[bool]) -> None:
    known = counted.get(feature, Skew(feature))
    examples = [receipt.prediction_id for receipt, wrong in zip(receipts, differs, strict=True) if wrong]
    counted[feature] = replace(
        known,
        compared=known.compared + len(receipts),
        mismatched=known.mismatched + len(examples),
        example=known.example or min(examples, default=None),
    )
