"""Binary COPY by hand, held to what real Postgres reads out of it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import pytest
from psycopg.rows import dict_row

from serving.core.provenance import Provenance
from serving.receipts.receipt import Receipt
from serving.receipts.table import ReceiptTable, TableUnavailable
from tests.serving.receipts.factories import PROVENANCE, invent_features, invent_receipt

SELECT = b"select * from receipt order by prediction_id"

pytestmark = pytest.mark.integration


def write(url: str, receipts: list[Receipt], again: bool = False) -> None:
    table = ReceiptTable(url)
    try:
        table.write(receipts, again)
    finally:
        table.close()


def read(url: str) -> list[Receipt]:
    """All receipts in the order of their ids, as psycopg itself reads them."""
    with psycopg.connect(url, row_factory=dict_row) as conn:
        conn.execute("set timezone = 'UTC'")
        rows = conn.execute(SELECT).fetchall()
    for row in rows:
        row["predicted_at"] = row["predicted_at"].timestamp()
        row["model_output"] = float(np.float32(row["model_output"]))  # its text has as few digits as tell float32s apart
        row["features"] = None if row["features"] is None else np.array(row["features"], np.float32)
        made_of = {name: row.pop(name) for name in Provenance._fields if name != "model_name"}
        row["provenance"] = Provenance(model_name=PROVENANCE.model_name, **made_of)
    return [Receipt(**row) for row in rows]


def assert_equal(found: list[Receipt], sent: list[Receipt]) -> None:
    assert len(found) == len(sent)
    for one, other in zip(found, sorted(sent), strict=True):
        assert one._replace(features=None, predicted_at=0) == other._replace(features=None, predicted_at=0)
        assert one.predicted_at == pytest.approx(other.predicted_at, abs=1e-6)
        if other.features is None:
            assert one.features is None
        else:
            assert one.features is not None
            assert one.features.tobytes() == other.features.tobytes()


def test_every_field_comes_back_to_the_last_bit(url: str) -> None:
    sent = [
        invent_receipt(),
        invent_receipt(provenance=PROVENANCE._replace(deployment=2**40, model_version="4"), endpoint="batch", source="stale"),
        invent_receipt(endpoint="whatif", overrides={"runtime": None, "budget": 1.5e7, "Fiłm": -0.0}),
        invent_receipt(endpoint="grpc", source="prediction_set", features=None),
        invent_receipt(features=np.array([np.nan, 0.0, -0.0, 3.4e38, 1e-45, 16777217.0], np.float32)),
        invent_receipt(features=np.full(60, np.nan, np.float32)),
        invent_receipt(features=np.arange(120, dtype=np.float32)[::2]),  # not contiguous
        invent_receipt(movie_id="tt10872600", features_as_of=datetime(1999, 12, 31, tzinfo=UTC), predicted_at=946684799.5),
        invent_receipt(features_as_of=datetime(2026, 11, 22, tzinfo=UTC) + timedelta(microseconds=1)),
    ]
    write(url, sent)
    assert_equal(read(url), sent)


def test_batches_longer_than_a_piece_and_of_two_models_come_back(url: str) -> None:
    sent = [invent_receipt(features=invent_features((60, 7)[n % 2], n)) for n in range(250)]
    write(url, sent)
    assert_equal(read(url), sent)


def test_a_repeated_batch_adds_only_what_is_missing(url: str) -> None:
    sent = [invent_receipt() for _ in range(10)]
    write(url, sent[:6])
    write(url, sent, again=True)
    write(url, sent, again=True)
    assert_equal(read(url), sent)
    with pytest.raises(psycopg.errors.UniqueViolation):
        write(url, sent)


@pytest.mark.parametrize(
    ("change", "undo", "found"),
    [
        ("alter table {} rename to gone", "alter table gone rename to {}", "no schema"),
        ("update {} set version_num = '9' || version_num", "update {} set version_num = substr(version_num, 2)", "schema 9"),
    ],
)
def test_a_database_of_another_schema_is_refused_until_it_is_migrated(change: str, undo: str, found: str, url: str) -> None:
    table, rows = ReceiptTable(url), [invent_receipt()]
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(change.format("receipts_schema_version").encode())
        for _ in range(2):
            with pytest.raises(TableUnavailable, match=f"has {found}.*, and this release .* needs schema .*compose up setup"):
                table.write(rows, again=False)
        conn.execute(undo.format("receipts_schema_version").encode())
    table.write(rows, again=False)
    table.close()
    assert_equal(read(url), rows)
