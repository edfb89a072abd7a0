"""Counts the lines of gzipped files with ISA-L alone: python -m tests.bench.scale.inflate FILES."""

import sys
from pathlib import Path

from isal import isal_zlib

PIECE_BYTES = 1 << 20
GZIP = 31


def count_lines(path: Path) -> int:
    """Return the number of newlines in a gzip file of one member."""
    lines, member = 0, isal_zlib.decompressobj(wbits=GZIP)
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            lines += member.decompress(piece).count(b"\n")
    return lines


if __name__ == "__main__":
    print(sum(count_lines(Path(name)) for name in sys.argv[1:]))  # noqa: T201  # the result
