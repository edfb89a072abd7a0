"""Answers in batches: the raw batch's bytes, and the rows that one batch becomes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.core.errors import BadInput
from tasks.core.tmdb.parse import Parsed, Rejected, TmdbMovie, is_tmdb_refusal, parse_message, parse_movie

ANSWERS_PER_BATCH = 1_000
TOLERATED_REJECTS = 20
"""Above this many, a batch more of whose answers are rejected than not is refused: something answers in TMDB's place."""
SHOWN_CHARS = 2_000
"""Of a body, in the quarantine; the whole of it is in the raw batch."""

RAW_BATCH = pa.schema([("movie_id", pa.string()), ("status", pa.int16()), ("body", pa.binary())])
TEXT, TEXTS, INTEGER = pa.string(), pa.list_(pa.string()), pa.int64()
ARROW_TYPES = {str: TEXT, str | None: TEXT, int: INTEGER, int | None: INTEGER, float | None: pa.float64(),
               bool | None: pa.bool_(), date | None: pa.date32(), list[str]: TEXTS}  # fmt: skip
MOVIE = pa.schema([(one.name, ARROW_TYPES[one.type]) for one in fields(TmdbMovie)])  # type: ignore[index]
ROW = [("raw_key", TEXT), ("raw_row", pa.int32())]
REQUEST = pa.schema(
    [("movie_id", TEXT), ("outcome", TEXT), ("tmdb_id", INTEGER), ("status", pa.int16()), *ROW, ("requested_on", pa.date32())]
)
QUARANTINE = pa.schema(
    [("source", TEXT), ("raw_key", TEXT), ("line", INTEGER), ("reason", TEXT), ("record", TEXT), ("seen_on", pa.date32())]
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What TMDB said of one film, bytes as they came."""

    movie_id: str
    status: int
    body: bytes


@dataclass(frozen=True)
class BatchRows:
    """Rows for the tables tmdb_movie, tmdb_request and quarantine. `dropped` counts fields set to null by name."""

    movies: pa.Table
    requests: pa.Table
    quarantine: pa.Table
    dropped: Counter[str]

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(self.requests.column("outcome").to_pylist())


def render_batch(answers: Sequence[Answer]) -> bytes:
    """Parquet of the answers in the order given; the same answers give the same bytes."""
    columns = [[one.movie_id for one in answers], [one.status for one in answers], [one.body for one in answers]]
    sink = pa.BufferOutputStream()
    # A dictionary of bodies would be as large as the bodies and be given up half-way.
    table = pa.table(columns, schema=RAW_BATCH)
    pq.write_table(table, sink, compression="zstd", use_dictionary=False, write_statistics=["movie_id", "status"])
    return bytes(sink.getvalue())


def compute_batch_rows(answers: Sequence[Answer], raw_key: str, day: date) -> BatchRows:
    """What the answers become; BadInput if most of them are not TMDB's."""
    results = [parse_answer(one) for one in answers]
    owners: dict[int, str] = {}
    for row, result in enumerate(results):
        if isinstance(result, Parsed):
            owner = owners.setdefault(result.movie.tmdb_id, result.movie.movie_id)
            if owner != result.movie.movie_id:
                results[row] = Rejected(f"TMDB {result.movie.tmdb_id} is {owner} in the same batch")
    rejected = [(row, result.reason) for row, result in enumerate(results) if isinstance(result, Rejected)]
    if len(rejected) > TOLERATED_REJECTS and len(rejected) * 2 > len(answers):
        raise BadInput(
            f"{len(rejected)} of {len(answers)} answers are none of TMDB's; the first, {rejected[0][1]}; see {raw_key}"
        )
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
    """The record, the reason why there is none, or None for a film that TMDB does not know."""
    if answer.status == 200:
        return parse_movie(answer.body, answer.movie_id)
    # Only TMDB's own 404 says that a film is absent; a wrong address or a proxy says 404 too.
    if answer.status == 404 and is_tmdb_refusal(answer.body):
        return None
    return Rejected(f"answered {answer.status}: {parse_message(answer.body)}")


def _tabulate_movies(found: list[tuple[int, Parsed]], raw_key: str) -> pa.Table:
    columns = [[getattr(parsed.movie, name) for _, parsed in found] for name in MOVIE.names]
    rows = [[raw_key] * len(found), [row for row, _ in found]]
    return pa.table(columns + rows, schema=pa.schema([*MOVIE, *ROW]))


def _tabulate_requests(answers: Sequence[Answer], results: list[Parsed | Rejected | None], raw_key: str, day: date) -> pa.Table:
    outcomes = {Parsed: "found", Rejected: "quarantined", type(None): "absent"}
    columns = [
        [one.movie_id for one in answers],
        [outcomes[type(result)] for result in results],
        [result.movie.tmdb_id if isinstance(result, Parsed) else None for result in results],
        [one.status for one in answers],
        [raw_key] * len(answers),
        list(range(len(answers))),
        [day] * len(answers),
    ]
    return pa.table(columns, schema=REQUEST)


def _show(answer: Answer) -> str:
    return answer.body.decode("utf-8", "replace")[:SHOWN_CHARS].replace("\0", "�")
