"""What the text of an IMDb column may be, and the typed Arrow column it becomes."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

YEAR = "18[7-9][0-9]|19[0-9]{2}|2[01][0-9]{2}"
"""From the first films to 2199; film.start_year is checked to the same effect in infra/setup/migrations/movies.sql."""


@dataclass(frozen=True)
class Kind:
    """Text that matches `pattern` as a whole (RE2; empty for any) is converted; `wanted` completes "… is not …"."""

    wanted: str
    pattern: str
    convert: Callable[[pa.Array], pa.Array]
    nullable: bool = False
    largest: int | None = None

    def find_wrong(self, texts: pa.Array) -> pa.Array:
        """True where the text is not of this kind; null counts as wrong unless it is allowed."""
        if not self.pattern:
            return pa.array([False] * len(texts)) if self.nullable else texts.is_null()
        fits = pc.match_substring_regex(texts, f"^(?:{self.pattern})$")
        if self.largest is not None:
            fits = pc.and_(fits, pc.less_equal(pc.if_else(fits, texts, "0").cast(pa.int64()), self.largest))
        return pc.fill_null(pc.invert(fits), not self.nullable)


@dataclass(frozen=True)
class Field:
    """A column of the file, the table's column it becomes, and the kind of text in it."""

    source: str
    target: str
    kind: Kind


def to_list(texts: pa.Array) -> pa.Array:
    """Split at commas; null is the empty list, IMDb's word for none."""
    lists = pc.split_pattern(pc.fill_null(texts, ""), ",")
    lengths = pc.if_else(texts.is_valid(), pc.list_value_length(lists), 0)
    # An empty text splits into one empty item; those items are left out with the nulls that they stand for.
    items = lists.flatten().filter(pc.fill_null(pc.not_equal(lists.flatten(), ""), False))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths.cast(pa.int32()))])
    return pa.ListArray.from_arrays(offsets, items)


def to(kind: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    return lambda texts: texts.cast(kind)


def to_flag(texts: pa.Array) -> pa.Array:
    return pc.equal(texts, "1")


def listed(wanted: str, item: str) -> Kind:
    return Kind(wanted, f"(?:{item})(?:,(?:{item}))*", to_list, nullable=True)


TITLE_ID = Kind("a title id: tt and 7 to 10 digits", "tt[0-9]{7,10}", to(pa.string()))
PERSON_ID = Kind("a person id: nm and 7 to 10 digits", "nm[0-9]{7,10}", to(pa.string()))
TEXT = Kind("a text", "", to(pa.string()))
NULLABLE_TEXT = Kind("a text", "", to(pa.string()), nullable=True)
FLAG = Kind("0 or 1", "[01]", to_flag)
RELEASE_YEAR = Kind("a year from 1870 to 2199", YEAR, to(pa.int16()), nullable=True)
LIFE_YEAR = Kind("a year from 1 to 2199", "[1-9][0-9]{0,2}|1[0-9]{3}|2[01][0-9]{2}", to(pa.int16()), nullable=True)
MINUTES = Kind("a number of minutes", "[0-9]{1,9}", to(pa.int32()), nullable=True)
PLACE = Kind("a place from 1 to 9999", "[1-9][0-9]{0,3}", to(pa.int32()))
RATING = Kind("a rating from 1.0 to 10.0 with one decimal", r"[1-9](?:\.[0-9])?|10(?:\.0)?", to(pa.decimal128(3, 1)))
VOTES = Kind("a number of votes from 0 to 2147483647", "[0-9]{1,18}", to(pa.int32()), largest=2**31 - 1)
WORDS = listed("a list with commas between", "[^,]+")
TITLE_IDS = listed("a list of title ids", "tt[0-9]{7,10}")
PERSON_IDS = listed("a list of person ids", "nm[0-9]{7,10}")
