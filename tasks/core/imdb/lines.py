"""Parses whole lines of an IMDb TSV file to columns of text, and separates the lines that cannot be rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from tasks.core.errors import BadInput
from tasks.core.imdb.blocks import NEWLINE, TAB, Block

LONGEST_RECORD = 10_000
"""Characters of a quarantined line that are kept. The whole line is in the file in the bucket."""
BOM = b"\xef\xbb\xbf"
CONTROL_NAMES = {0: "NUL", 13: "carriage return"}


@dataclass(frozen=True)
class Rejected:
    """A line that breaks the format. `line` counts from 1; the header is line 1."""

    line: int
    reason: str
    record: str


@dataclass(frozen=True)
class Lines:
    """Rows of one block, each with the right number of columns."""

    block: Block
    """The line of each row."""
    text: pa.RecordBatch
    """The columns as strings, null where IMDb writes \\N."""

    def take(self, rows: NDArray[Any]) -> "Lines":
        """Return the rows with these indexes, which must rise."""
        return Lines(self.block.take(rows), self.text.take(pa.array(rows)))

    def reject(self, reasons: dict[int, str]) -> tuple["Lines", list[Rejected]]:
        """Return the rows without a reason, and those with one as rejected lines. reasons: by the index of the row."""
        if not reasons:
            return self, []
        rejected = [make_rejected(self.block, row, reason) for row, reason in reasons.items()]
        return self.take(np.delete(np.arange(len(self.block.ends)), list(reasons))), rejected


def check_header(line: bytes, expected: tuple[str, ...]) -> None:
    """Raise BadInput, with the names of the wrong columns, unless the header is the expected one.

    A byte order mark before it is allowed.
    """
    text = line.removeprefix(BOM).decode("utf-8", "backslashreplace").removesuffix("\n")
    if text.endswith("\r"):
        raise BadInput("lines end with CR LF, but IMDb's end with LF: the file was converted on the way")
    columns = tuple(text.split("\t"))
    if columns == expected:
        return
    wrong = [f"{name!r} is missing" for name in expected if name not in columns]
    wrong += [f"{name[:80]!r} is not expected" for name in columns if name not in expected]
    if not wrong:
        wrong = [f"a column occurs twice or out of order: {', '.join(columns)}"]
    raise BadInput(f"the header is not IMDb's: {'; '.join(wrong[:20])}; expected {', '.join(expected)}")


def parse_lines(block: Block, columns: tuple[str, ...]) -> tuple[Lines, list[Rejected]]:
    """Return the rows of a block, and its lines that cannot be rows."""
    octets, ends = block.octets[: len(block.content)], block.ends
    found = np.diff(np.searchsorted(np.flatnonzero(octets == TAB), ends), prepend=0) + 1
    reasons = {int(row): f"has {found[row]} columns, not {len(columns)}" for row in np.flatnonzero(found != len(columns))}
    # No control characters: Postgres stores no NUL, the CSV reader ends a line at CR, and our reads separate items by \x1f.
    controls = np.flatnonzero((octets < ord(" ")) & (octets != TAB) & (octets != NEWLINE))
    for row, octet in zip(np.searchsorted(ends, controls).tolist(), octets[controls].tolist(), strict=True):
        reasons.setdefault(row, f"has a {CONTROL_NAMES.get(octet, f'control character {octet:#04x}')} inside")
    for row in undecodable_rows(block.content, ends):
        reasons.setdefault(row, "is not valid UTF-8")
    if block.content.startswith(BOM):  # the CSV reader would drop it silently
        reasons.setdefault(0, "starts with a byte order mark")

    rejected = [make_rejected(block, row, reasons[row]) for row in sorted(reasons)]
    clean = block.take(np.delete(np.arange(len(ends)), list(reasons))) if reasons else block
    return Lines(clean, read_strings(clean.content, columns)), rejected


def make_rejected(block: Block, row: int, reason: str) -> Rejected:
    return Rejected(int(block.numbers[row]), reason, printable(block.content[block.starts[row] : block.ends[row]]))


def read_strings(clean: bytes, columns: tuple[str, ...]) -> pa.RecordBatch:
    if not clean:
        return pa.record_batch({name: pa.array([], pa.string()) for name in columns})
    table = pyarrow.csv.read_csv(
        pa.BufferReader(clean),
        pyarrow.csv.ReadOptions(use_threads=False, column_names=columns, block_size=len(clean) + 1),
        pyarrow.csv.ParseOptions(delimiter="\t", quote_char=False, ignore_empty_lines=False),
        pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()), null_values=["\\N"], strings_can_be_null=True, check_utf8=False
        ),
    )
    return table.combine_chunks().to_batches()[0]


def undecodable_rows(block: bytes, ends: NDArray[np.int64]) -> Iterator[int]:
    """Yield the indexes of the lines that are not valid UTF-8."""
    at = 0
    while True:
        try:
            str(memoryview(block)[at:], "utf-8")
        except UnicodeDecodeError as error:
            row = int(np.searchsorted(ends, at + error.start))
            yield row
            at = int(ends[row]) + 1
        else:
            return


def printable(record: bytes) -> str:
    """Return a line as text that Postgres can store: NUL, and bytes that are not UTF-8, are written as \\x.."""
    return record.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")[:LONGEST_RECORD]
