"""TMDB's answers in batches: the raw bytes of a batch, and the rows of the tables that a batch becomes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.core.errors import BadInput
from tasks.core.tmdb.parse import Parsed, Rejected, TmdbMovie, is_tmdb_error, parse_message, parse_movie

ANSWERS_PER_BATCH = 1_000
"""Answers that are stored together, in one object and one transaction."""
TOLERATED_REJECTS = 20
"""If more answers than this, and more than half of a batch, are rejected, another server is answering in TMDB's place."""
RECORD_CHARS = 2_000
"""Characters of a body that quarantine keeps. The whole body is in the raw batch."""

RAW_BATCH = pa.schema([("movie_id", pa.string()), ("status", pa.int16()), ("body", pa.binary())])
TEXT, TEXTS, INTEGER = pa.string(), pa.list_(pa.string()), pa.int64()
ARROW_TYPES = {str: TEXT, str | None: TEXT, int: INTEGER, int | None: INTEGER, float | None: pa.float64(),
               bool | None: pa.bool_(), date | None: pa.date32(), list[str]: TEXTS}  # fmt: skip
MOVIE = pa.schema([(field.name, ARROW_TYPES[field.type]) for field in fields(TmdbMovie)])  # type: ignore[index]
ROW = [("raw_key", TEXT), ("raw_row", pa.int32())]
REQUEST = pa.schema(
    [("movie_id", TEXT), ("outcome", TEXT), ("tmdb_id", INTEGER), ("status", pa.int16()), *ROW, ("requested_on", pa.date32())]
)
QUARANTINE = pa.schema(
    [("source", TEXT), ("raw_key", TEXT), ("line", INTEGER), ("reason", TEXT), ("record", TEXT), ("seen_on", pa.date32())]
)


@dataclass(frozen=True, slots=True)
class Answer:
    """TMDB's answer about one movie, with the body's bytes as they came."""

    movie_id: str
    status: int
    body: bytes


@dataclass(frozen=True)
class BatchRows:
    """The rows of one batch for the tables tmdb_movie, tmdb_request and quarantine."""

    movies: pa.Table
    requests: pa.Table
    quarantine: pa.Table
    dropped: Counter[str]
    """Invalid values that are null in `movies`, by the name of the field."""

    @property
    def outcomes(self) -> Counter[str]:
        """Return the number of answers by outcome: found, absent, quarantined."""
        return Counter(self.requests.column("outcome").to_pylist())


def render_batch(answers: Sequence[Answer]) -> bytes:
    """Return the answers as a Parquet file, in their order; the same answers give the same bytes."""
    columns = [
        [answer.movie_id for answer in answers],
        [answer.status for answer in answers],
        [answer.body for answer in answers],
    ]
    sink = pa.BufferOutputStream()
    # Without a dictionary: the writer would build one as large as the bodies and then drop it.
    table = pa.table(columns, schema=RAW_BATCH)
    pq.write_table(table, sink, compression="zstd", use_dictionary=False, write_statistics=["movie_id", "status"])
    return bytes(sink.getvalue())


def compute_batch_rows(answers: Sequence[Answer], raw_key: str, day: date) -> BatchRows:
    """Return the rows that the answers become; raise BadInput if most of the answers are not TMDB's.

    Of two answers with one TMDB id the first is kept.
    """
    results = [parse_answer(answer) for answer in answers]
    owners: dict[int, str] = {}
    for row, result in enumerate(results):
        if isinstance(result, Parsed):
            owner = owners.setdefault(result.movie.tmdb_id, result.movie.movie_id)
            if owner != result.movie.movie_id:
                results[row] = Rejected(f"TMDB {result.movie.tmdb_id} is {owner} in the same batch")
    rejected = [(row, result.reason) for row, result in enumerate(results) if isinstance(result, Rejected)]
    if len(rejected) > TOLERATED_REJECTS and len(rejected) * 2 > len(answers):
        raise BadInput(f"{len(rejected)} of {len(answers)} answers are not TMDB's; the first: {rejected[0][1]}; see {raw_key}")
    found = [(row, result) for row, result in enumerate(results) if isinstance(result, Parsed)]
    return BatchRows(
        movies=_tabulate_movies(found, raw_key),
        requests=_tabulate_requests(answers, results, raw_key, day),
        quarantine=pa.Table.from_pylist(
            [
                {
                    "source": "tmdb",
                    "raw_key": raw_key,
                    "line": row,
                    "reason": reason,
                    "record": _show(answers[row]),
                    "seen_on": day,
                }
                for row, reason in rejected
            ],
            schema=QUARANTINE,
        ),
        dropped=Counter(name for _, parsed in found for name in parsed.dropped),
    )


def parse_answer(answer: Answer) -> Parsed | Rejected | None:
    """Return the record, the reason why there is none, or None for a movie that TMDB does not know."""
    if answer.status == 200:
        return parse_movie(answer.body, answer.movie_id)
    # Only TMDB's own 404 means that a movie is absent: a wrong address or a proxy answers 404 too.
    if answer.status == 404 and is_tmdb_error(answer.body):
        return None
    return Rejected(f"answered {answer.status}: {parse_message(answer.body)}")


def _tabulate_movies(found: list[tuple[int, Parsed]], raw_key: str) -> pa.Table:
    columns = [[getattr(parsed.movie, name) for _, parsed in found] for name in MOVIE.names]
    rows = [[raw_key] * len(found), [row for row, _ in found]]
    return pa.table(columns + rows, schema=pa.schema([*MOVIE, *ROW]))


def _tabulate_requests(answers: Sequence[Answer], results: list[Parsed | Rejected | None], raw_key: str, day: date) -> pa.Table:
    outcomes = {Parsed: "found", Rejected: "quarantined", type(None): "absent"}
    columns = [
        [answer.movie_id for answer in answers],
        [outcomes[type(result)] for result in results],
        [result.movie.tmdb_id if isinstance(result, Parsed) else None for result in results],
        [answer.status for answer in answers],
        [raw_key] * len(answers),
        list(range(len(answers))),
        [day] * len(answers),
    ]
    return pa.table(columns, schema=REQUEST)


def _show(answer: Answer) -> str:
    return answer.body.decode("utf-8", "replace")[:RECORD_CHARS].replace("\0", "�")
