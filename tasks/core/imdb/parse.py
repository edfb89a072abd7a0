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
from tasks.core.imdb.blocks import NO_KEY, Block, split_blocks
from tasks.core.imdb.fields import Field
from tasks.core.imdb.files import BASICS, SourceFile
from tasks.core.imdb.keys import IdSet, SeenRows, compute_keys
from tasks.core.imdb.lines import Lines, Rejected, check_header, parse_lines

MOVIE_TYPES = ("movie", "tvMovie")
"""The title types that are loaded."""
PARSED_WORDS = np.array([int.from_bytes(word.encode(), "little") for word in ("", "\\N", *MOVIE_TYPES)], np.uint64)
"""The title types whose lines are parsed: a line without a type is parsed too, and then rejected."""
TOLERATED_FAULTS = 100
"""Up to this many rejected lines, or invalid values of one optional column, are no sign that the file's format has changed."""


@dataclass(frozen=True)
class Parsed:
    """The lines of one block by outcome; `lines` is their sum."""

    rows: pa.Table
    """Typed, with the table's column names."""
    rejected: list[Rejected]
    skipped: Counter[str]
    """Lines that were not parsed: of title.basics by title type, of the other files as one kind."""
    known: Counter[str]
    """Values of each optional column that are not null in the file."""
    dropped: Counter[str]
    """Those of them that are invalid, and so are null in `rows`."""

    @property
    def lines(self) -> int:
        return int(self.rows.num_rows) + len(self.rejected) + self.skipped.total()


def parse_file(file: SourceFile, chunks: Iterable[bytes], ids: IdSet | None = None) -> Iterator[Parsed]:
    """Yield the parsed blocks of a decompressed file; of several lines with one key the first is loaded.

    Only the first columns are read of a title of another type than movie and tvMovie, and of a line whose id is not in `ids`
    (None: all ids): such a line is skipped, whatever else it contains. Of the others, a line without a valid value in a required
    column is rejected; an invalid value of an optional column becomes null.
    Raises BadInput if the header is not IMDb's, if there are no rows, or if so much is invalid that the format has changed.
    """
    seen, line, parsed_lines, rejected, known, dropped = SeenRows(ids), 1, 0, 0, Counter[str](), Counter[str]()
    for block in split_blocks(chunks):
        body = block
        if line == 1:
            header, _, body = block.partition(b"\n")
            check_header(header, file.columns)
            line = 2
        if not body:
            continue
        parsed = parse_block(file, Block.index(body, line), seen, ids)
        line += parsed.lines
        parsed_lines += parsed.lines - parsed.skipped.total()
        rejected, known, dropped = rejected + len(parsed.rejected), known + parsed.known, dropped + parsed.dropped
        check_rejected(file, parsed, rejected, parsed_lines)
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


def parse_block(file: SourceFile, block: Block, seen: SeenRows, ids: IdSet | None) -> Parsed:
    """Return one block, parsed; add its rows to `seen`."""
    candidates, skipped = skip_others(file, block, ids)
    lines, broken = parse_lines(candidates, file.columns)
    lines, without_id = lines.reject(explain_invalid(lines, file.fields[:1]))
    for rejected in without_id:
        if rejected.record == "\t".join(file.columns):
            raise BadInput(f"the header occurs again on line {rejected.line}: two files were joined")

    required = [field for field in file.fields[1:] if not field.kind.nullable]
    lines, invalid = lines.reject(explain_invalid(lines, required))
    lines, repeated = lines.reject(explain_repeated(file, lines, seen))
    lines, known, dropped = drop_invalid(lines, [field for field in file.fields if field.kind.nullable])
    rows = pa.table({field.target: field.kind.convert(lines.text.column(field.source)) for field in file.fields})
    rejected_lines = sorted(broken + without_id + invalid + repeated, key=lambda rejected: rejected.line)
    return Parsed(rows, rejected_lines, skipped, known, dropped)


def skip_others(file: SourceFile, block: Block, ids: IdSet | None) -> tuple[Block, Counter[str]]:
    """Return the lines that have to be parsed, and the numbers of the others by kind."""
    keys = block.read_keys(file.letters)
    if file is BASICS:
        words = block.read_words(keys)
        is_other = ~np.isin(words, PARSED_WORDS)
        others = np.flatnonzero(is_other)
        skipped = block.take(others).count_words(words[others])
    elif ids is not None:
        is_other = (keys != NO_KEY) & (ids.find(keys) == NO_KEY)
        skipped = Counter({file.others: int(is_other.sum())})
    else:
        return block, Counter()
    return block.take(np.flatnonzero(~is_other)), skipped


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


def explain_repeated(file: SourceFile, lines: Lines, seen: SeenRows) -> dict[int, str]:
    """Return the reason for each row whose key came before, by its index; add the keys of the others to `seen`."""
    keys, key_columns = compute_keys(lines.text.column(0)), file.columns[0]
    places = np.zeros(len(keys), np.int64)
    if file.position:
        places = lines.text.column(file.position).cast(pa.int64()).to_numpy()
        key_columns += f" and {file.position}"
    repeated = indexes_of(seen.find_repeated(keys, places))
    return dict.fromkeys(repeated, f"{key_columns} came on an earlier line: the first one is kept")


def to_numpy(mask: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(mask.to_numpy(zero_copy_only=False), np.bool_)


def indexes_of(mask: Any) -> list[int]:
    """Return the indexes at which a mask, of Arrow or NumPy, is true."""
    return np.flatnonzero(mask if isinstance(mask, np.ndarray) else to_numpy(mask)).tolist()
