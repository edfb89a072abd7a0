"""IMDb's files parsed: every line of one accounted for as loaded, skipped or rejected."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
TOLERATED_REJECTS = 100
"""Above this many, a file more of whose lines are rejected than not is refused: its format has changed."""


@dataclass(frozen=True)
class Parsed:
    """One block: `lines` = rows + skipped + rejected. `skipped` counts by title type; `others` are the keys of those titles."""

    rows: pa.Table
    rejected: list[Rejected]
    skipped: Counter[str]
    others: Keys

    @property
    def lines(self) -> int:
        return int(self.rows.num_rows) + len(self.rejected) + self.skipped.total()


def parse_file(file: SourceFile, chunks: Iterable[bytes], other_titles: SeenKeys | None = None) -> Iterator[Parsed]:
    """Parse decompressed bytes block by block; of lines with one key the first wins. BadInput if this is not IMDb's file at all.

    Titles of other types than movie and tvMovie are skipped; so are the crew and credits of `other_titles`.
    """
    seen, line, rejected = SeenKeys(), 1, 0
    for block in split_blocks(chunks):
        body = block
        if line == 1:
            header, _, body = block.partition(b"\n")
            check_header(header, file.columns)
            line = 2
        if not body:
            continue
        parsed = parse_block(file, body, line, seen, other_titles or SeenKeys())
        line += parsed.lines
        rejected += len(parsed.rejected)
        if rejected > TOLERATED_REJECTS and rejected * 2 > line - 2:
            first = parsed.rejected[0]
            raise BadInput(
                f"{rejected} of {line - 2} lines are no rows of {file.name}, such as line {first.line}: {first.reason}"
            )
        yield parsed
    if line <= 2:
        raise BadInput("the file is empty" if line == 1 else "the file has a header and no rows")


def parse_block(file: SourceFile, block: bytes, first: int, seen: SeenKeys, other_titles: SeenKeys) -> Parsed:
    """Parse whole lines, the first of which is line `first`; `seen` learns the keys of the rows that stay."""
    lines, broken = parse_lines(block, first, file.columns)
    lines, no_ids = set_aside(lines, find_wrong(lines, file.fields[:1]))
    for one in no_ids:
        if one.record == "\t".join(file.columns):
            raise BadInput(f"the header stands again on line {one.line}: two files were joined")

    keys = compute_keys(lines.text.column(0))
    is_other = find_others(file, lines, keys, other_titles)
    others, skipped = keys[is_other], count_skipped(file, lines, is_other)
    lines = lines.take(np.flatnonzero(~is_other))

    lines, wrong = set_aside(lines, find_wrong(lines, file.fields[1:]))
    lines, repeated = set_aside(lines, find_repeated(file, lines, seen))
    rows = pa.table({one.target: one.kind.convert(lines.text.column(one.source)) for one in file.fields})
    return Parsed(rows, sorted(broken + no_ids + wrong + repeated, key=lambda one: one.line), skipped, others)


def set_aside(lines: Lines, reasons: dict[int, str]) -> tuple[Lines, list[Rejected]]:
    if not reasons:
        return lines, []
    rejected = [lines.rejected(row, reason) for row, reason in reasons.items()]
    return lines.take(np.delete(np.arange(lines.text.num_rows), list(reasons))), rejected


def find_wrong(lines: Lines, fields: tuple[Field, ...]) -> dict[int, str]:
    """Why a row, by its index, does not have the kinds of text it should; the first wrong column is told."""
    reasons: dict[int, str] = {}
    for one in fields:
        texts = lines.text.column(one.source)
        for row in rows_where(one.kind.find_wrong(texts)):
            text = texts[row].as_py()
            reasons.setdefault(
                row, f"{one.source} {'is missing' if text is None else repr(text[:200])}: it must be {one.kind.wanted}"
            )
    return reasons


def find_others(file: SourceFile, lines: Lines, keys: Keys, other_titles: SeenKeys) -> NDArray[np.bool_]:
    """Rows of titles that are no films; a missing title type is not another one, but wrong."""
    if file is BASICS:
        types = lines.text.column("titleType")
        return to_numpy(pc.and_(types.is_valid(), pc.invert(pc.is_in(types, MOVIE_TYPES))))
    if file.of_titles:
        return other_titles.holds(keys)
    return np.zeros(len(keys), np.bool_)


def count_skipped(file: SourceFile, lines: Lines, is_other: NDArray[np.bool_]) -> Counter[str]:
    if file is not BASICS:
        return Counter({"of other titles": int(is_other.sum())})
    types = lines.text.column("titleType").filter(pa.array(is_other))
    return Counter({one["values"]: one["counts"] for one in types.value_counts().to_pylist()})


def find_repeated(file: SourceFile, lines: Lines, seen: SeenKeys) -> dict[int, str]:
    keys, named = compute_keys(lines.text.column(0)), file.columns[0]
    if file.place:
        keys = keys * 10_000 + lines.text.column(file.place).cast(pa.int64()).to_numpy()
        named += f" and {file.place}"
    return dict.fromkeys(rows_where(seen.find_repeated(keys)), f"{named} came on an earlier line: the first one is kept")


def to_numpy(mask: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(mask.to_numpy(zero_copy_only=False), np.bool_)


def rows_where(mask: Any) -> list[int]:
    return np.flatnonzero(mask if isinstance(mask, np.ndarray) else to_numpy(mask)).tolist()
