"""IMDb's files for the tests of parsing: the invented samples, and a file parsed whole."""

from collections import Counter
from pathlib import Path
from typing import Any

from tasks.core.imdb.files import BASICS, SourceFile
from tasks.core.imdb.keys import Keys, SeenKeys
from tasks.core.imdb.lines import Rejected
from tasks.core.imdb.parse import parse_file

SAMPLES = Path(__file__).parents[3] / "samples" / "imdb"
HEADER = "\t".join(BASICS.columns) + "\n"
ROW = "tt0000401\tmovie\tA\tA\t0\t2001\t\\N\t90\tDrama\n"


def sample(file: SourceFile, faults: bool = False) -> bytes:
    return (SAMPLES / file.name.replace(".tsv.gz", ".faults.tsv" if faults else ".tsv")).read_bytes()


def parse(
    file: SourceFile, content: bytes | list[bytes], others: SeenKeys | None = None
) -> tuple[list[dict[str, Any]], list[Rejected], Counter[str], list[Keys]]:
    rows, rejected, skipped, other_titles = [], [], Counter[str](), []
    for parsed in parse_file(file, [content] if isinstance(content, bytes) else content, others):
        assert parsed.lines == parsed.rows.num_rows + len(parsed.rejected) + parsed.skipped.total()
        rows += parsed.rows.to_pylist()
        rejected += parsed.rejected
        skipped += parsed.skipped
        other_titles.append(parsed.others)
    return rows, rejected, skipped, other_titles
