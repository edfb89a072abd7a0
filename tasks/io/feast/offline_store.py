"""The offline store: Feast's source table `features.movies`, an Iceberg table on S3 with its catalog in Postgres."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time

import polars as pl
import pyarrow as pa
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table
from sqlalchemy.exc import OperationalError

from tasks.core.errors import Unavailable
from tasks.core.features.content import TIMES
from tasks.io.feast.rows_file import RowsFile
from tasks.io.postgres.lease import Lease

CATALOG = "marquee"
NAMESPACE = "features"
TABLE = f"{NAMESPACE}.movies"
BUILD_ID = "marquee.build-id"
"""Snapshot property that names the build which wrote it."""
METADATA_PROPERTIES = {"write.metadata.delete-after-commit.enabled": "true", "write.metadata.previous-versions-max": "20"}
"""Each commit removes the oldest metadata file beyond these: each file names all snapshots, so their sum grows by the square."""
COMMIT_RETRIES = "commit.retry.num-retries"
"""Set to 0: PyIceberg would otherwise repeat a commit that lost a race, and so append the same rows twice."""


def open_table() -> Table | None:
    """Return the table, or None before the first build. Address and keys: PYICEBERG_CATALOG__MARQUEE__*, AWS_*."""
    try:
        return _catalog().load_table(TABLE)
    except NoSuchTableError:
        return None


def has_snapshot(table: Table | None, snapshot_id: str) -> bool:
    """Return false if the snapshot was removed, as by an expiry of old snapshots."""
    return table is not None and table.snapshot_by_id(int(snapshot_id)) is not None


def create_table(like: pl.DataFrame) -> Table:
    """Create the table with the columns of these rows, for the first build.

    Not for a table that exists: PyIceberg writes a metadata file before it finds that, and leaves it.
    """
    catalog = _catalog()
    catalog.create_namespace_if_not_exists(NAMESPACE)
    properties = METADATA_PROPERTIES | {COMMIT_RETRIES: "0"}
    return catalog.create_table_if_not_exists(TABLE, schema=to_arrow(like).schema, properties=properties)


class Append:
    """The rows of one build, which are written in slices and appended as one tagged snapshot.

    Nothing refers to their file before the commit. The commit fails if the table has changed since it was opened.
    """

    def __init__(self, table: Table, like: pl.DataFrame) -> None:
        """like: a frame with the columns of all slices."""
        self.address = table.location_provider().new_data_location(f"{uuid.uuid4()}.parquet")
        self._table, self._file = table, RowsFile(table, self.address, to_arrow(like).schema)

    def write(self, rows: pl.DataFrame) -> None:
        """Write rows with their TIMES: movie_id, tmdb_id, title, tmdb_asked, withdrawn and the features."""
        self._file.write(to_arrow(rows))

    def close(self) -> None:
        """End the file, which can then be read."""
        self._file.close()

    def commit(self, build_id: str, properties: Mapping[str, str], lease: Lease) -> int:
        """Append what was written, once it is closed, and return the snapshot's id. The lease guards the commit."""
        append = self._table.transaction()
        with append.update_schema() as update:
            update.union_by_name(self._file.schema)
        # The file's name is new, so that PyIceberg need not look for it in all manifests.
        append.add_files([self.address], {BUILD_ID: build_id, **properties}, check_duplicate_files=False)
        with lease.held():
            append.commit_transaction()
            return tag_build(self._table.refresh())


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


def stamp(rows: pl.DataFrame, day: date, known_at: datetime) -> pl.DataFrame:
    """Return the rows with TIMES: the day as event_timestamp, known_at as created_timestamp."""
    event = datetime.combine(day, time.min, tzinfo=UTC)
    return rows.with_columns(
        pl.lit(event).dt.cast_time_unit("us").alias("event_timestamp"),
        pl.lit(known_at).dt.cast_time_unit("us").alias("created_timestamp"),
    )


def to_arrow(rows: pl.DataFrame) -> pa.Table:
    """Return the rows with the types of the table."""
    return rows.to_arrow().cast(_make_schema(rows))


def _make_schema(rows: pl.DataFrame) -> pa.Schema:
    named = {"movie_id": pa.string(), "tmdb_id": pa.int64(), "title": pa.string()}
    named |= {"tmdb_asked": pa.bool_(), "withdrawn": pa.bool_()}
    named |= {name: pa.timestamp("us", tz="UTC") for name in TIMES}
    return pa.schema([pa.field(name, named.get(name, pa.float64())) for name in rows.columns])
