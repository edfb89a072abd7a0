"""Parses IMDb's files: every line is loaded, skipped or rejected, and counted."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.core.errors import BadInput
from tasks.core.imdb.fields import Field
from tasks.core.imdb.files import BASICS, SourceFile
from tasks.core.imdb.keys import Keys, SeenKeys, compute_keys
from tasks.core.imdb.lines import Lines, Rejected, check_header, parse_lines, split_blocks

MOVIE_TYPES = pa.array(["movie", "tvMovie"])
"""The title types that are loaded."""
TOLERATED_FAULTS = 100
"""Up to this many rejected lines, or invalid values of one optional column, are no sign that the file's format has changed."""


@dataclass(frozen=True)
class Parsed:
    """The lines of one block by outcome; `lines` is their sum."""

    rows: pa.Table
    """Typed, with the table's column names."""
    rejected: list[Rejected]
    skipped: Counter[str]
    """Lines of titles that are not movies, by title type."""
    others: Keys
    """The keys of those titles, where the file is title.basics."""
    known: Counter[str]
    """Values of each optional column that are not null in the file."""
    dropped: Counter[str]
    """Those of them that are invalid, and so are null in `rows`."""

    @property
    def lines(self) -> int:
        return int(self.rows.num_rows) + len(self.rejected) + self.skipped.total()


def parse_file(file: SourceFile, chunks: Iterable[bytes], other_titles: SeenKeys | None = None) -> Iterator[Parsed]:
    """Yield the parsed blocks of a decompressed file; of several lines with one key the first is loaded.

    A line without a valid value in a required column is rejected; an invalid value of an optional column becomes null.
    Titles of other types than movie and tvMovie are skipped, and so are the crew and the credits of `other_titles`.
    Raises BadInput if the header is not IMDb's, if there are no rows, or if so much is invalid that the format has changed.
    """
    others = SeenKeys() if other_titles is None else other_titles
    seen, line, rejected, known, dropped = SeenKeys(), 1, 0, Counter[str](), Counter[str]()
    for block in split_blocks(chunks):
        body = block
        if line == 1:
            header, _, body = block.partition(b"\n")
            check_header(header, file.columns)
            line = 2
        if not body:
            continue
        parsed = parse_block(file, body, line, seen, others)
        line += parsed.lines
        rejected, known, dropped = rejected + len(parsed.rejected), known + parsed.known, dropped + parsed.dropped
        check_rejected(file, parsed, rejected, line - 2)
        check_dropped(file, dropped, known)
        yield parsed
    if line <= 2:
        raise BadInput("the file is empty" if line == 1 else "the file has a header and no rows")


def check_rejected(file: SourceFile, parsed: Parsed, rejected: int, lines: int) -> None:
    """Raise BadInput if more than half of the lines so far are rejected: the format has changed."""
    if rejected > TOLERATED_FAULTS and rejected * 2 > lines:
        first = parsed.rejected[0]
        raise BadInput(f"{rejected} of {lines} lines are not rows of {file.name}, such as line {first.line}: {first.reason}")


def check_dropped(file: SourceFile, dropped: Counter[str], known: Counter[str]) -> None:
    """Raise BadInput if more than half of an optional column's values so far are invalid: its format has changed."""
    for field in file.fields:
        count, values = dropped[field.source], known[field.source]
        if count > TOLERATED_FAULTS and count * 2 > values:
            raise BadInput(f"{count} of {values} values of {field.source} in {file.name} are not {field.kind.description}")


def parse_block(file: SourceFile, block: bytes, first: int, seen: SeenKeys, other_titles: SeenKeys) -> Parsed:
    """Return one block of whole lines, parsed; add the keys of its rows to `seen`. first: the number of its first line."""
    lines, broken = parse_lines(block, first, file.columns)
    lines, without_id = lines.reject(explain_invalid(lines, file.fields[:1]))
    for rejected in without_id:
        if rejected.record == "\t".join(file.columns):
            raise BadInput(f"the header occurs again on line {rejected.line}: two files were joined")

    keys = compute_keys(lines.text.column(0))
    is_other = mask_others(file, lines, keys, other_titles)
    others, skipped = keys[is_other], count_skipped(file, lines, is_other)
    lines = lines.take(np.flatnonzero(~is_other))

    required = [field for field in file.fields[1:] if not field.kind.nullable]
    lines, invalid = lines.reject(explain_invalid(lines, required))
    lines, repeated = lines.reject(explain_repeated(file, lines, seen))
    lines, known, dropped = drop_invalid(lines, [field for field in file.fields if field.kind.nullable])
    rows = pa.table({field.target: field.kind.convert(lines.text.column(field.source)) for field in file.fields})
    rejected_lines = sorted(broken + without_id + invalid + repeated, key=lambda rejected: rejected.line)
    return Parsed(rows, rejected_lines, skipped, others, known, dropped)


def explain_invalid(lines: Lines, fields: Iterable[Field]) -> dict[int, str]:
    """Return the reason for each row with an invalid value in these columns, by its index; the first such column counts."""
    reasons: dict[int, str] = {}
    for field in fields:
        texts = lines.text.column(field.source)
        for row in indexes_of(field.kind.mask_invalid(texts)):
            text = texts[row].as_py()
            value = "is missing" if text is None else repr(text[:200])
            reasons.setdefault(row, f"{field.source} {value}: it must be {field.kind.description}")
    return reasons


def drop_invalid(lines: Lines, fields: Iterable[Field]) -> tuple[Lines, Counter[str], Counter[str]]:
    """Return the rows with null in place of invalid values of optional columns, and the numbers of known and dropped values."""
    columns = {name: lines.text.column(name) for name in lines.text.schema.names}
    known, dropped = Counter[str](), Counter[str]()
    for field in fields:
        texts = columns[field.source]
        invalid = field.kind.mask_invalid(texts)
        known[field.source] = len(texts) - texts.null_count
        dropped[field.source] = len(indexes_of(invalid))
        if dropped[field.source]:
            columns[field.source] = pc.if_else(invalid, pa.scalar(None, pa.string()), texts)
    return replace(lines, text=pa.record_batch(columns)), known, dropped


def mask_others(file: SourceFile, lines: Lines, keys: Keys, other_titles: SeenKeys) -> NDArray[np.bool_]:
    """Return true for the rows of titles that are not movies; a missing title type is invalid, not another type."""
    if file is BASICS:
        types = lines.text.column("titleType")
        return to_numpy(pc.and_(types.is_valid(), pc.invert(pc.is_in(types, MOVIE_TYPES))))
    if file.of_titles:
        return other_titles.holds(keys)
    return np.zeros(len(keys), np.bool_)


def count_skipped(file: SourceFile, lines: Lines, is_other: NDArray[np.bool_]) -> Counter[str]:
    """Return the number of skipped rows by title type; files without a title type count them as one kind."""
    if file is not BASICS:
        return Counter({"of other titles": int(is_other.sum())})
    types = lines.text.column("titleType").filter(pa.array(is_other))
    return Counter({entry["values"]: entry["counts"] for entry in types.value_counts().to_pylist()})


def explain_repeated(file: SourceFile, lines: Lines, seen: SeenKeys) -> dict[int, str]:
    """Return the reason for each row whose key came before, by its index; add the keys of the others to `seen`."""
    keys, key_columns = compute_keys(lines.text.column(0)), file.columns[0]
    if file.position:
        keys = keys * 10_000 + lines.text.column(file.position).cast(pa.int64()).to_numpy()
        key_columns += f" and {file.position}"
    return dict.fromkeys(indexes_of(seen.find_repeated(keys)), f"{key_columns} came on an earlier line: the first one is kept")


def to_numpy(mask: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(mask.to_numpy(zero_copy_only=False), np.bool_)


def indexes_of(mask: Any) -> list[int]:
    """Return the indexes at which a mask, of Arrow or NumPy, is true."""
    return np.flatnonzero(mask if isinstance(mask, np.ndarray) else to_numpy(mask)).tolist()
