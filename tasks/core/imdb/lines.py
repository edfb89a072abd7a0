"""Blocks of whole lines out of an IMDb TSV stream, and the lines that are no row at all set aside."""

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
"""Characters of a quarantined line that are kept; the bytes themselves are in the bucket."""
BOM = b"\xef\xbb\xbf"
NAMED = {0: "NUL", 13: "carriage return"}


@dataclass(frozen=True)
class Rejected:
    """A line that breaks the format; `line` counts from 1, the header being line 1."""

    line: int
    reason: str
    record: str


@dataclass(frozen=True)
class Lines:
    """Rows of one block that have the right number of columns, as strings, with where each stands in the file and the block."""

    text: pa.RecordBatch
    numbers: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    block: bytes

    def take(self, at: NDArray[Any]) -> "Lines":
        return Lines(self.text.take(pa.array(at)), self.numbers[at], self.starts[at], self.ends[at], self.block)

    def rejected(self, row: int, reason: str) -> Rejected:
        return Rejected(int(self.numbers[row]), reason, printable(self.block[self.starts[row] : self.ends[row]]))


def split_blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Join and cut chunks so that each block ends at the end of a line; a last line without its newline gets one."""
    rest = bytearray()
    for chunk in chunks:
        rest += chunk
        if len(rest) < BLOCK_BYTES:
            continue
        end = rest.rfind(b"\n") + 1
        if not end:
            raise BadInput(
                f"a line is longer than {BLOCK_BYTES} bytes, from {printable(bytes(rest[:80]))!r}: this is no IMDb TSV file"
            )
        yield bytes(rest[:end])
        del rest[:end]
    if rest:
        yield bytes(rest) if rest.endswith(b"\n") else bytes(rest) + b"\n"


def check_header(line: bytes, expected: tuple[str, ...]) -> None:
    """BadInput that names the column unless the header is exactly the expected one; a byte order mark is let pass."""
    text = line.removeprefix(BOM).decode("utf-8", "backslashreplace").removesuffix("\n")
    if text.endswith("\r"):
        raise BadInput("lines end with CR LF; IMDb's end with LF: the file was converted on its way")
    columns = tuple(text.split("\t"))
    if columns == expected:
        return
    wrong = [f"{name!r} is missing" for name in expected if name not in columns]
    wrong += [f"{name[:80]!r} is not expected" for name in columns if name not in expected]
    if not wrong:
        wrong = [f"a column stands twice or out of order: {', '.join(columns)}"]
    raise BadInput(f"the header is not IMDb's: {'; '.join(wrong[:20])}; expected {', '.join(expected)}")


def parse_lines(block: bytes, first: int, columns: tuple[str, ...]) -> tuple[Lines, list[Rejected]]:
    """Split a block of whole lines into columns of strings, `\\N` being null; `first` is the number of its first line."""
    octets = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(octets == 10)
    starts = np.concatenate(([0], ends[:-1] + 1))
    found = np.diff(np.searchsorted(np.flatnonzero(octets == 9), ends), prepend=0) + 1
    reasons = {int(row): f"has {found[row]} columns, not {len(columns)}" for row in np.flatnonzero(found != len(columns))}
    # Control characters: Postgres takes no NUL, the CSV reader ends a line at CR, and \x1f separates items in our own reads.
    controls = np.flatnonzero((octets < 32) & (octets != 9) & (octets != 10))
    for row, octet in zip(np.searchsorted(ends, controls).tolist(), octets[controls].tolist(), strict=True):
        reasons.setdefault(row, f"has a {NAMED.get(octet, f'control character {octet:#04x}')} inside")
    for row in undecodable_rows(block, ends):
        reasons.setdefault(row, "is not valid UTF-8")
    if block.startswith(BOM):  # the CSV reader would drop it without a word
        reasons.setdefault(0, "starts with a byte order mark")

    whole = Lines(pa.record_batch({}), np.arange(first, first + len(ends)), starts, ends, block)
    rejected = [whole.rejected(row, reasons[row]) for row in sorted(reasons)]
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
    """A line as text that Postgres can hold: bytes that are no UTF-8, and NUL, appear as \\x.."""
    return record.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")[:LONGEST_RECORD]
