"""The texts that an IMDb column may hold, and the typed Arrow column that they become."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

YEAR = "18[7-9][0-9]|19[0-9]{2}|2[01][0-9]{2}"
"""From the first movies to 2199. The check of column movie.start_year in Postgres allows the same years, and 2200."""


@dataclass(frozen=True)
class Kind:
    """The rule for one column: which texts are valid, and how the column is converted."""

    description: str
    """Completes the sentence "it must be …"."""
    pattern: str
    """RE2 pattern of the whole text; empty where any text is valid."""
    convert: Callable[[pa.Array], pa.Array]
    nullable: bool = False
    """The column may be null. An invalid text then becomes null instead of costing the row."""
    largest: int | None = None
    """The largest number that is valid, if the texts are numbers."""

    def mask_invalid(self, texts: pa.Array) -> pa.Array:
        """Return true where the text is not valid; null is invalid unless the column is nullable."""
        if not self.pattern:
            return pa.array([False] * len(texts)) if self.nullable else texts.is_null()
        fits = pc.match_substring_regex(texts, f"^(?:{self.pattern})$")
        if self.largest is not None:
            fits = pc.and_(fits, pc.less_equal(pc.if_else(fits, texts, "0").cast(pa.int64()), self.largest))
        return pc.fill_null(pc.invert(fits), not self.nullable)


@dataclass(frozen=True)
class Field:
    """A column of the file (`source`), the column of the table that it becomes (`target`), and its rule."""

    source: str
    target: str
    kind: Kind


def to_list(texts: pa.Array) -> pa.Array:
    """Return the texts split at commas; null becomes the empty list, because IMDb writes no items as null."""
    lists = pc.split_pattern(pc.fill_null(texts, ""), ",")
    lengths = pc.if_else(texts.is_valid(), pc.list_value_length(lists), 0)
    # An empty text splits into one empty item, which is left out: it came from a null.
    items = lists.flatten().filter(pc.fill_null(pc.not_equal(lists.flatten(), ""), False))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths.cast(pa.int32()))])
    return pa.ListArray.from_arrays(offsets, items)


def cast_to(dtype: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    return lambda texts: texts.cast(dtype)


def to_flag(texts: pa.Array) -> pa.Array:
    return pc.equal(texts, "1")


def list_of(description: str, item: str) -> Kind:
    return Kind(description, f"(?:{item})(?:,(?:{item}))*", to_list, nullable=True)


TITLE_ID = Kind("a title id: tt and 7 to 10 digits", "tt[0-9]{7,10}", cast_to(pa.string()))
PERSON_ID = Kind("a person id: nm and 7 to 10 digits", "nm[0-9]{7,10}", cast_to(pa.string()))
TEXT = Kind("a text", "", cast_to(pa.string()))
NULLABLE_TEXT = Kind("a text", "", cast_to(pa.string()), nullable=True)
TITLE_TYPE = Kind("a title type", ".+", cast_to(pa.string()))
FLAG = Kind("0 or 1", "[01]", to_flag)
RELEASE_YEAR = Kind("a year from 1870 to 2199", YEAR, cast_to(pa.int16()), nullable=True)
LIFE_YEAR = Kind("a year from 1 to 2199", "[1-9][0-9]{0,2}|1[0-9]{3}|2[01][0-9]{2}", cast_to(pa.int16()), nullable=True)
MINUTES = Kind("a number of minutes", "[0-9]{1,9}", cast_to(pa.int32()), nullable=True)
POSITION = Kind("a position from 1 to 9999", "[1-9][0-9]{0,3}", cast_to(pa.int32()))
RATING = Kind("a rating from 1.0 to 10.0 with one decimal", r"[1-9](?:\.[0-9])?|10(?:\.0)?", cast_to(pa.decimal128(3, 1)))
VOTES = Kind("a number of votes from 0 to 2147483647", "[0-9]{1,18}", cast_to(pa.int32()), largest=2**31 - 1)
WORDS = list_of("a list with commas between", "[^,]+")
TITLE_IDS = list_of("a list of title ids", "tt[0-9]{7,10}")
PERSON_IDS = list_of("a list of person ids", "nm[0-9]{7,10}")
