"""Cuts an IMDb TSV stream into blocks of whole lines, and reads a line's first two columns before the line is parsed.

Nine of ten lines are of titles that are not movies. What they begin with is enough to know that, so they are never parsed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tasks.core.errors import BadInput
from tasks.core.imdb.keys import Keys, make_keys

BLOCK_BYTES = 2 << 20
NO_KEY = -1
TAB, NEWLINE = b"\t\n"
ID_LETTERS, FEWEST_DIGITS, MOST_DIGITS = 2, 7, 10
"""An id is two letters and 7 to 10 digits."""
BASE = 10
WORD_BYTES = 8
PADDING = b"\n" * 16
"""Padding after a block, so that the first bytes of a line can be read without a bounds check."""


@dataclass(frozen=True)
class Block:
    """Some whole lines of a file."""

    content: bytes
    """The lines, each with its newline."""
    octets: NDArray[np.uint8]
    """The content and PADDING."""
    numbers: NDArray[np.int64]
    """The number of each line in the file; the header is line 1."""
    starts: NDArray[np.int64]
    """The first byte of each line in `content`."""
    ends: NDArray[np.int64]
    """The newline of each line in `content`."""

    @classmethod
    def index(cls, content: bytes, first: int) -> Self:
        """Find the lines. first: the number of the first one."""
        octets = np.frombuffer(content + PADDING, np.uint8)
        ends = np.flatnonzero(octets[: len(content)] == NEWLINE)
        return cls(content, octets, np.arange(first, first + len(ends)), np.concatenate(([0], ends[:-1] + 1)), ends)

    def take(self, rows: NDArray[np.int64]) -> "Block":
        """Return the lines with these indexes, which must rise."""
        if len(rows) == len(self.ends):
            return self
        breaks = np.flatnonzero(np.diff(rows) != 1) + 1
        firsts, lasts = rows[np.concatenate(([0], breaks))[: len(rows)]], rows[np.concatenate((breaks - 1, [-1]))[: len(rows)]]
        runs = zip(self.starts[firsts].tolist(), (self.ends[lasts] + 1).tolist(), strict=True)
        content = b"".join(self.content[start:end] for start, end in runs)
        lengths = self.ends[rows] - self.starts[rows]
        ends = np.cumsum(lengths + 1) - 1
        return Block(content, np.frombuffer(content + PADDING, np.uint8), self.numbers[rows], ends - lengths, ends)

    def read_keys(self, letters: bytes) -> Keys:
        """Return the key of the id that each line begins with, NO_KEY where a line does not begin with one. letters: tt or nm."""
        number, digits = np.zeros(len(self.starts), np.int64), np.zeros(len(self.starts), np.int64)
        inside = np.ones(len(self.starts), np.bool_)
        for place, letter in enumerate(letters):
            inside &= self.octets[self.starts + place] == letter
        for place in range(MOST_DIGITS):
            digit = self.octets[self.starts + len(letters) + place] - ord("0")
            inside &= digit < BASE  # an octet below "0" has wrapped to a large number
            number = np.where(inside, number * BASE + digit, number)
            digits += inside
        after = self.octets[self.starts + len(letters) + digits]
        valid = (digits >= FEWEST_DIGITS) & ((after == TAB) | (after == NEWLINE))
        return np.where(valid, make_keys(number, digits), NO_KEY)

    def read_words(self, keys: Keys) -> NDArray[np.uint64]:
        """Return the first 8 bytes of each line's second column as a number, 0 for none. keys: as read_keys returns them."""
        at = self.starts + ID_LETTERS + keys // 10**MOST_DIGITS + 1
        at[keys == NO_KEY] = 1
        word, inside = np.zeros(len(at), np.uint64), (keys != NO_KEY) & (self.octets[at - 1] == TAB)
        for place in range(WORD_BYTES):
            octet = self.octets[at + place]
            inside &= (octet != TAB) & (octet != NEWLINE)
            word |= np.where(inside, octet, 0).astype(np.uint64) << np.uint64(8 * place)
        return word

    def count_words(self, words: NDArray[np.uint64]) -> Counter[str]:
        """Return the texts that begin with these words of read_words, each as its first line has it, with their numbers."""
        _, first, counts = np.unique(words, return_index=True, return_counts=True)
        lines = (self.content[self.starts[row] : self.ends[row]] for row in first)
        names = (line.split(b"\t", 2)[1].decode("utf-8", "backslashreplace") for line in lines)
        return Counter(dict(zip(names, counts.tolist(), strict=True)))


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
            start = bytes(rest[:80]).decode("utf-8", "backslashreplace")
            raise BadInput(f"a line is longer than {BLOCK_BYTES} bytes, from {start!r}: this is not an IMDb TSV file")
        yield bytes(rest[:end])
        del rest[:end]
    if rest:
        yield bytes(rest) if rest.endswith(b"\n") else bytes(rest) + b"\n"
