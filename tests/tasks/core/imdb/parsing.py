"""IMDb's files for the tests of parsing: the invented samples, and a file parsed whole."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.core.imdb.files import BASICS, SourceFile
from tasks.core.imdb.keys import IdSet, compute_keys
from tasks.core.imdb.lines import Rejected
from tasks.core.imdb.parse import parse_file

SAMPLES = Path(__file__).parents[3] / "samples" / "imdb"
HEADER = "\t".join(BASICS.columns) + "\n"
ROW = "tt0000401\tmovie\tA\tA\t0\t2001\t\\N\t90\tDrama\n"


def sample(file: SourceFile, faults: bool = False) -> bytes:
    return (SAMPLES / file.name.replace(".tsv.gz", ".faults.tsv" if faults else ".tsv")).read_bytes()


def parse(
    file: SourceFile, content: bytes | list[bytes], ids: IdSet | None = None
) -> tuple[list[dict[str, Any]], list[Rejected], Counter[str]]:
    rows, rejected, skipped = [], [], Counter[str]()
    for parsed in parse_file(file, [content] if isinstance(content, bytes) else content, ids):
        assert parsed.lines == parsed.rows.num_rows + len(parsed.rejected) + parsed.skipped.total()
        rows += parsed.rows.to_pylist()
        rejected += parsed.rejected
        skipped += parsed.skipped
    return rows, rejected, skipped


def make_ids(*texts: str) -> IdSet:
    return IdSet(np.unique(compute_keys(pa.array(texts, pa.string()))))
