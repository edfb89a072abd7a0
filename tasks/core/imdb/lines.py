"""Cuts an IMDb TSV stream into blocks of whole lines and separates the lines that cannot be rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from tasks.core.errors import BadInput

BLOCK_BYTES = 4 << 20
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
    """Rows of one block, each with the right number of columns, and their places in the file and in the block."""

    text: pa.RecordBatch
    """The columns as strings, null where IMDb writes \\N."""
    numbers: NDArray[np.int64]
    """The line number of each row; the header is line 1."""
    starts: NDArray[np.int64]
    """The first byte of each row in `block`."""
    ends: NDArray[np.int64]
    """The newline of each row in `block`."""
    block: bytes

    def take(self, rows: NDArray[Any]) -> "Lines":
        """Return the rows with these indexes."""
        return Lines(self.text.take(pa.array(rows)), self.numbers[rows], self.starts[rows], self.ends[rows], self.block)

    def reject(self, reasons: dict[int, str]) -> tuple["Lines", list[Rejected]]:
        """Return the rows without a reason, and those with one as rejected lines. reasons: by the index of the row."""
        if not reasons:
            return self, []
        rejected = [self.make_rejected(row, reason) for row, reason in reasons.items()]
        return self.take(np.delete(np.arange(len(self.numbers)), list(reasons))), rejected

    def make_rejected(self, row: int, reason: str) -> Rejected:
        return Rejected(int(self.numbers[row]), reason, printable(self.block[self.starts[row] : self.ends[row]]))


def split_blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the stream in blocks that end at a newline; a last line without a newline gets one.

    Raises BadInput if a line is longer than BLOCK_BYTES.
    """
    rest = bytearray()
    for chunk in chunks:
        rest += chunk
        if len(rest) < BLOCK_BYTES:
            continue
        end = rest.rfind(b"\n") + 1
        if not end:
            raise BadInput(
                f"a line is longer than {BLOCK_BYTES} bytes, from {printable(bytes(rest[:80]))!r}: this is not an IMDb TSV file"
            )
        yield bytes(rest[:end])
        del rest[:end]
    if rest:
        yield bytes(rest) if rest.endswith(b"\n") else bytes(rest) + b"\n"


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


def parse_lines(block: bytes, first: int, columns: tuple[str, ...]) -> tuple[Lines, list[Rejected]]:
    """Return the rows of a block of whole lines, and its lines that cannot be rows. first: the number of the first line."""
    octets = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(octets == 10)
    starts = np.concatenate(([0], ends[:-1] + 1))
    found = np.diff(np.searchsorted(np.flatnonzero(octets == 9), ends), prepend=0) + 1
    reasons = {int(row): f"has {found[row]} columns, not {len(columns)}" for row in np.flatnonzero(found != len(columns))}
    # No control characters: Postgres stores no NUL, the CSV reader ends a line at CR, and our reads separate items by \x1f.
    controls = np.flatnonzero((octets < 32) & (octets != 9) & (octets != 10))
    for row, octet in zip(np.searchsorted(ends, controls).tolist(), octets[controls].tolist(), strict=True):
        reasons.setdefault(row, f"has a {CONTROL_NAMES.get(octet, f'control character {octet:#04x}')} inside")
    for row in undecodable_rows(block, ends):
        reasons.setdefault(row, "is not valid UTF-8")
    if block.startswith(BOM):  # the CSV reader would drop it silently
        reasons.setdefault(0, "starts with a byte order mark")

    whole = Lines(pa.record_batch({}), np.arange(first, first + len(ends)), starts, ends, block)
    rejected = [whole.make_rejected(row, reasons[row]) for row in sorted(reasons)]
    clean, kept = block, np.arange(len(ends))
    if reasons:
        kept = np.delete(kept, list(reasons))
        clean = b"".join(block[starts[row] : ends[row] + 1] for row in kept)
    return Lines(read_strings(clean, columns), whole.numbers[kept], starts[kept], ends[kept], block), rejected


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
