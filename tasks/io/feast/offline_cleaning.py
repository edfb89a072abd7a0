"""Removes snapshots from the offline store, and the files that no snapshot refers to any more.

PyIceberg's expiry drops a snapshot from the metadata and leaves its files. All rows that were ever appended belong to the current
snapshot, so of an expired one only its list of manifests goes; and what builds that were killed before their commit left.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from pyarrow.fs import FileSelector
from pyiceberg.table import Table

from tasks.core.snapshot_retention import Snapshot, StoredFile
from tasks.io.feast import current_rows
from tasks.io.feast.offline_store import METADATA_PROPERTIES
from tasks.io.postgres.lease import Lease


def read_snapshots(table: Table) -> list[Snapshot]:
    """Return all snapshots that the table's metadata has."""
    return [Snapshot(each.snapshot_id, datetime.fromtimestamp(each.timestamp_ms / 1000, UTC)) for each in table.snapshots()]


def bound_metadata(table: Table, lease: Lease) -> None:
    """Let each commit remove its oldest metadata file; tables of earlier releases kept all of them."""
    missing = {name: value for name, value in METADATA_PROPERTIES.items() if table.properties.get(name) != value}
    if missing:
        with lease.held(), table.transaction() as transaction:
            transaction.set_properties(missing)


def expire(table: Table, expired: Sequence[Snapshot], lease: Lease) -> None:
    """Remove the snapshots with their tags; the tag first, because Iceberg keeps a snapshot that has one."""
    ids = [snapshot.snapshot_id for snapshot in expired]
    tags = [name for name, ref in table.refs().items() if ref.snapshot_id in ids]
    with lease.held():
        if tags:
            with table.manage_snapshots() as manage:
                for tag in tags:
                    manage.remove_tag(tag)
        table.refresh().maintenance.expire_snapshots().by_ids(ids).commit()


def read_referenced(table: Table) -> set[str]:
    """Return the files that the table's metadata leads to: metadata, lists of manifests, manifests, data and current rows."""
    referenced = {table.metadata_location, *(entry.metadata_file for entry in table.metadata.metadata_log)}
    referenced.update(current_rows.list_kept(table))
    for snapshot in table.snapshots():
        referenced.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            if manifest.manifest_path not in referenced:
                referenced.add(manifest.manifest_path)
                entries = manifest.fetch_manifest_entry(table.io, discard_deleted=False)
                referenced.update(entry.data_file.file_path for entry in entries)
    return referenced


def list_files(table: Table) -> list[StoredFile]:
    """Return all files in the table's folder."""
    place = urlsplit(table.location())
    filesystem = table.io.fs_by_scheme(place.scheme, place.netloc)  # type: ignore[attr-defined]  # of PyArrowFileIO, which task_variables chooses
    found = filesystem.get_file_info(FileSelector(f"{place.netloc}{place.path}", recursive=True, allow_not_found=True))
    return [StoredFile(f"{place.scheme}://{info.path}", info.mtime.astimezone(UTC), info.size) for info in found if info.is_file]


def remove_files(table: Table, files: Sequence[StoredFile]) -> None:
    """Remove the files from S3."""
    for file in files:
        table.io.delete(file.path)
