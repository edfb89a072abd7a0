"""Writes Arrow rows as the CSV text that Postgres COPY reads: null is an empty field, an empty string is quoted."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

ROWS_A_PIECE = 50_000


def render_copy_text(rows: pa.Table) -> pa.Buffer:
    """Return CSV without a header; a list of strings becomes a Postgres array literal."""
    columns = [array_literals(column) if pa.types.is_list(column.type) else column for column in rows.columns]
    text = pa.BufferOutputStream()
    options = pyarrow.csv.WriteOptions(include_header=False, batch_size=ROWS_A_PIECE, quoting_style="needed")
    pyarrow.csv.write_csv(pa.table(columns, names=rows.column_names), text, options)
    return text.getvalue()


def array_literals(column: pa.ChunkedArray) -> pa.Array:
    """Return the lists as literals: `["a", "b\\"c", null]` becomes `{"a","b\\"c",NULL}`; a null list stays null."""
    lists = column.combine_chunks()
    items = pc.replace_substring(pc.replace_substring(lists.flatten(), "\\", "\\\\"), '"', '\\"')
    quoted = pc.fill_null(pc.binary_join_element_wise('"', items, '"', ""), "NULL")
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    ends = pc.cumulative_sum(lengths.cast(pa.int32()))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, quoted), ",")
    literals = pc.binary_join_element_wise("{", joined, "}", "")
    return pc.if_else(lists.is_valid(), literals, None)
