"""Writes rows to a Parquet file beside the offline store's table, slice by slice."""

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.table import Table


class RowsFile:
    """A Parquet file that is written in slices, so that it is never in memory as a whole. S3 has it once it is closed."""

    def __init__(self, table: Table, address: str, schema: pa.Schema) -> None:
        self.address, self.schema = address, schema
        self._stream = table.io.new_output(address).create()
        self._writer = pq.ParquetWriter(self._stream, schema, compression="zstd")

    def write(self, rows: pa.Table) -> None:
        """Append rows, one row group a call."""
        if rows.num_rows:
            self._writer.write_table(rows.cast(self.schema), row_group_size=rows.num_rows)

    def close(self) -> None:
        """End the file."""
        self._writer.close()
        self._stream.close()
