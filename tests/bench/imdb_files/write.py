"""IMDb's five files at any scale, invented: python -m tests.bench.imdb_files.write FOLDER --scale 0.25 [--changed 0.01].

Scale 1 is IMDb of 2026: 12.0 million titles, 872,000 of them movies, 92.1 million credits, 9.9 million of them of movies, 14.5
million people, 1.61 million ratings. The same seed, scale and change give the same bytes. Memory does not grow with the scale.
"""

import argparse
import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import polars as pl
from isal import isal_zlib

from tests.bench.imdb_files.slices import FILES, make_slices
from tests.bench.imdb_files.world import World

GZIP, LEVEL = 31, 2


@dataclass
class Written:
    """The size of a file: lines without the header, bytes before compression and after."""

    lines: int = 0
    plain_bytes: int = 0
    bytes: int = 0


class Writer:
    """A gzipped TSV file as IMDb writes it: unquoted, \\N for null, a header."""

    def __init__(self, path: Path) -> None:
        self._path, self.written = path, Written()

    def __enter__(self) -> Self:
        self._file, self._gzip = self._path.open("wb"), isal_zlib.compressobj(LEVEL, wbits=GZIP)
        return self

    def __exit__(self, *_: object) -> None:
        self.written.bytes += self._file.write(self._gzip.flush())
        self._file.close()

    def write(self, rows: pl.DataFrame) -> None:
        """Append the rows, after the header if they are the first."""
        text = rows.write_csv(
            separator="\t", quote_style="never", null_value="\\N", include_header=not self.written.plain_bytes
        ).encode()
        self.written.lines += rows.height
        self.written.plain_bytes += len(text)
        self.written.bytes += self._file.write(self._gzip.compress(text))


def write_files(folder: Path, scale: float, seed: int = 1, changed: float = 0) -> dict[str, Written]:
    """Write the five files and return their sizes. changed: the share of rows that differ from those of a first day."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        writers = {name: stack.enter_context(Writer(folder / name)) for name in FILES}
        for frames in make_slices(World.make(scale, seed), changed):
            for name, rows in frames.items():
                writers[name].write(rows)
    return {name: writer.written for name, writer in writers.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--changed", type=float, default=0, help="share of the rows that differ from a first day's")
    arguments = parser.parse_args()
    written = write_files(arguments.folder, arguments.scale, arguments.seed, arguments.changed)
    print(json.dumps({name: asdict(size) for name, size in written.items()}))  # noqa: T201  # read by the bench


if __name__ == "__main__":
    main()
