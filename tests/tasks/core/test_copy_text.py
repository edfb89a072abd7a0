"""Arrow rows as Postgres COPY text, read back by Python's own CSV reader; tests/tasks/io has the same through Postgres."""

from datetime import UTC, date, datetime

import pyarrow as pa

from tasks.core.copy_text import render_copy_text


def test_nulls_and_empty_strings_stay_apart() -> None:
    rows = pa.table({"text": ["", None, "\\N", 'a"b', "a,b\nc"], "number": pa.array([1, None, 3, 4, 5], pa.int16())})
    assert render_copy_text(rows).to_pybytes() == b'"",1\n,\n"\\N",3\n"a""b",4\n"a,b\nc",5\n'


def test_scalars() -> None:
    rows = pa.table(
        {
            "flag": [True, None],
            "real": [0.1, float("nan")],
            "day": [date(2026, 11, 22), None],
            "moment": pa.array([datetime(2026, 11, 22, 3, 4, 5, 6, UTC), None], pa.timestamp("us", "UTC")),
        }
    )
    assert render_copy_text(rows).to_pybytes() == b"true,0.1,2026-11-22,2026-11-22 03:04:05.000006Z\n,nan,,\n"


def test_arrays() -> None:
    lists = pa.array([["skipped"], ["a", 'b"c', None, "", "d\\e", "{f},g"], [], None, ["NULL"]], pa.list_(pa.string()))
    rows = pa.table({"list": lists}).slice(1)
    lines = render_copy_text(rows).to_pybytes().decode().splitlines()
    assert lines == ['"{""a"",""b\\""c"",NULL,"""",""d\\\\e"",""{f},g""}"', '"{}"', "", '"{""NULL""}"']


def test_no_rows() -> None:
    rows = pa.table({"list": pa.array([], pa.list_(pa.string())), "text": pa.array([], pa.string())})
    assert render_copy_text(rows).to_pybytes() == b""
