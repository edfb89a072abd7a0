"""The offline store: Feast's source table `features.movies`, an Iceberg table on S3 with its catalog in Postgres."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import AlwaysTrue, BooleanExpression, In
from pyiceberg.table import Table
from sqlalchemy.exc import OperationalError

from tasks.core.errors import Unavailable
from tasks.io.postgres.lease import Lease

CATALOG = "marquee"
NAMESPACE = "features"
TABLE = f"{NAMESPACE}.movies"
TIMES = ("event_timestamp", "created_timestamp")
BUILD_ID = "marquee.build-id"
"""Snapshot property that names the build which wrote it."""
COMMIT_RETRIES = "commit.retry.num-retries"
"""Set to 0: PyIceberg would otherwise repeat a commit that lost a race, and so append the same rows twice."""


def open_table() -> Table | None:
    """Return the table, or None before the first build. Address and keys: PYICEBERG_CATALOG__MARQUEE__*, AWS_*."""
    try:
        return _catalog().load_table(TABLE)
    except NoSuchTableError:
        return None


def read_latest(
    table: Table,
    day: date,
    snapshot_id: int | None = None,
    movie_ids: Collection[str] | None = None,
    columns: tuple[str, ...] = ("*",),
) -> pl.DataFrame:
    """Return the last known row of each movie as of the end of `day`, with withdrawn ones, by movie_id.

    movie_ids: read these movies only. columns: read these columns only; movie_id and TIMES are among them.
    """
    wanted: BooleanExpression = AlwaysTrue() if movie_ids is None else In(term="movie_id", literals=set(movie_ids))
    rows = pl.DataFrame(table.scan(wanted, selected_fields=columns, snapshot_id=snapshot_id).to_arrow())
    until = datetime.combine(day, time.max, tzinfo=UTC)
    # By their keys alone, so that the features are copied once.
    last = (
        rows.select("movie_id", *TIMES)
        .with_row_index("row")
        .filter(pl.col("event_timestamp") <= until)
        .sort("movie_id", *TIMES)
        .unique("movie_id", keep="last", maintain_order=True)
    )
    return rows[last["row"]]


def read_newest_day(table: Table) -> date:
    """Return the newest day with a row. A build without changes leaves no row."""
    newest = pc.max(table.scan(selected_fields=("event_timestamp",)).to_arrow().column("event_timestamp"))
    day: date = newest.as_py().date()
    return day


def read_present(table: Table, day: date, snapshot_id: int | None = None) -> pl.DataFrame:
    """Return the rows as read_latest does, without the withdrawn movies: the rows of a feature set."""
    rows = read_latest(table, day, snapshot_id)
    return rows.filter(~pl.col("withdrawn")).drop("withdrawn", "tmdb_asked", strict=False)


def read_asked(table: Table, day: date) -> pl.DataFrame:
    """Return movie_id of the movies whose row as of the end of `day` has TMDB's answer, even if that was that it has none.

    Rows of a build that did not record this are taken to have it.
    """
    recorded = "tmdb_asked" in table.schema().column_names
    rows = read_latest(table, day, columns=("movie_id", *TIMES, "withdrawn", *(["tmdb_asked"] if recorded else [])))
    asked = pl.col("tmdb_asked").fill_null(value=True) if recorded else pl.lit(value=True)
    return rows.filter(~pl.col("withdrawn") & asked).select("movie_id")


def has_snapshot(table: Table | None, snapshot_id: str) -> bool:
    """Return false if the snapshot was removed, as by an expiry of old snapshots."""
    return table is not None and table.snapshot_by_id(int(snapshot_id)) is not None


def append_rows(rows: Mapping[date, pl.DataFrame], known_at: datetime, build_id: str, lease: Lease) -> int:
    """Append the rows of one build as one tagged snapshot and return its id; create the table at the first build.

    rows: by day, which is their event_timestamp; movie_id, tmdb_id, title, withdrawn and the features, the same for each day.
    All get `known_at` as created_timestamp. The files are written first; the lease guards their commit.
    """
    stamped = pl.concat([_stamp(frame, day, known_at) for day, frame in rows.items()])
    arrow = stamped.to_arrow().cast(_make_schema(stamped))
    catalog = _catalog()
    catalog.create_namespace_if_not_exists(NAMESPACE)
    table = catalog.create_table_if_not_exists(TABLE, schema=arrow.schema, properties={COMMIT_RETRIES: "0"})
    append = table.transaction()
    with append.update_schema() as update:
        update.union_by_name(arrow.schema)
    append.append(arrow, snapshot_properties={BUILD_ID: build_id})
    with lease.held():
        append.commit_transaction()
        return tag_build(table.refresh())


def tag_build(table: Table) -> int:
    """Tag the current snapshot with the id of its build and return the snapshot's id.

    A tagged one stays as it is; a build that was killed after its append left one without a tag.
    """
    snapshot = table.current_snapshot()
    if snapshot is None or snapshot.summary is None:
        raise RuntimeError(f"{TABLE} has no snapshot after an append")
    tag = f"build-{snapshot.summary.additional_properties[BUILD_ID]}"
    if tag not in table.refs():
        table.manage_snapshots().create_tag(snapshot.snapshot_id, tag).commit()
    return snapshot.snapshot_id


@contextmanager
def reachable() -> Iterator[None]:
    """Within the block, raise Unavailable if S3 or the catalog's Postgres does not answer."""
    try:
        yield
    except (OSError, OperationalError) as error:
        raise Unavailable(f"the offline store: {str(error).splitlines()[0]}") from error


def _catalog() -> Catalog:
    return load_catalog(CATALOG)


def _stamp(rows: pl.DataFrame, day: date, created: datetime) -> pl.DataFrame:
    event = datetime.combine(day, time.min, tzinfo=UTC)
    return rows.with_columns(
        pl.lit(event).dt.cast_time_unit("us").alias("event_timestamp"),
        pl.lit(created).dt.cast_time_unit("us").alias("created_timestamp"),
    )


def _make_schema(rows: pl.DataFrame) -> pa.Schema:
    named = {"movie_id": pa.string(), "tmdb_id": pa.int64(), "title": pa.string()}
    named |= {"tmdb_asked": pa.bool_(), "withdrawn": pa.bool_()}
    named |= {name: pa.timestamp("us", tz="UTC") for name in TIMES}
    return pa.schema([pa.field(name, named.get(name, pa.float64())) for name in rows.columns])
