"""Writes tables of Postgres from Arrow: replaces a whole table, or writes the rows that changed."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import psycopg
import pyarrow as pa
from psycopg import sql

from tasks.core.copy_text import render_copy_text

PIECE_BYTES = 1 << 20
NEW = "_new"
"""Suffix of a table, and of its indexes, while it is filled beside the old one."""


class NewTable:
    """`<table>_new`, filled in the caller's transaction; at the end of the block it gets the table's keys, indexes and grants.

    It takes no lock that readers or writers of the table meet; swap_new_table puts it in the table's place. Rows that break a
    key or a check of the table raise psycopg.Error.
    """

    def __init__(self, conn: psycopg.Connection, table: str) -> None:
        self._conn, self._table, self.rows = conn, table, 0

    def __enter__(self) -> Self:
        create = sql.SQL("create table {} (like {} including all excluding indexes)")
        self._conn.execute(create.format(sql.Identifier(self._table + NEW), sql.Identifier(self._table)))
        return self

    def write(self, rows: pa.Table) -> None:
        """Append rows."""
        # COPY FREEZE needs a table that was made in this transaction.
        self.rows += copy_rows(self._conn, self._table + NEW, rows, freeze=True)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            finish_new_table(self._conn, self._table)


def finish_new_table(conn: psycopg.Connection, table: str) -> None:
    """Give `<table>_new` the keys, indexes, comment and grants of the table.

    This is done after the rows are written, because it takes a sixth of the time of updating the keys during COPY.
    """
    old, new = table, sql.Identifier(table + NEW)
    for name, definition in conn.execute(KEYS, [old]).fetchall():
        add = sql.SQL("alter table {} add constraint {} {}")
        conn.execute(add.format(new, sql.Identifier(name + NEW), sql.SQL(definition)))
    for name, kind, definition in conn.execute(INDEXES, [old]).fetchall():
        create = sql.SQL("create {} {} on {} using {}")
        conn.execute(create.format(sql.SQL(kind), sql.Identifier(name + NEW), new, sql.SQL(definition)))
    comment = conn.execute("select obj_description(%s::regclass, 'pg_class')", [old]).fetchone()
    conn.execute(sql.SQL("comment on table {} is {}").format(new, sql.Literal(comment[0] if comment else None)))
    for privilege, role in conn.execute(GRANTS, [old]).fetchall():
        conn.execute(sql.SQL("grant {} on {} to {}").format(sql.SQL(privilege), new, sql.SQL(role)))
    conn.execute(sql.SQL("analyze {}").format(new))


KEYS = """select conname, pg_get_constraintdef(oid) from pg_constraint
    where conrelid = %s::regclass and contype in ('p', 'u', 'x') order by conname"""
INDEXES = """select c.relname, case when indisunique then 'unique index' else 'index' end,
        substring(pg_get_indexdef(indexrelid) from ' USING (.*)$')
    from pg_index join pg_class c on c.oid = indexrelid
    where indrelid = %s::regclass and not exists (select from pg_constraint where conindid = indexrelid) order by 1"""
GRANTS = """select privilege_type, case grantee when 0 then 'public' else grantee::regrole::text end
    from pg_class, aclexplode(relacl) where oid = %s::regclass and grantee <> relowner"""


def swap_new_table(conn: psycopg.Connection, table: str) -> None:
    """Put `<table>_new` in the table's place; readers wait from here to the caller's commit."""
    old, new = sql.Identifier(table), sql.Identifier(table + NEW)
    conn.execute(sql.SQL("drop table {}").format(old))
    conn.execute(sql.SQL("alter table {} rename to {}").format(new, old))
    indexes = "select relname from pg_index join pg_class c on c.oid = indexrelid where indrelid = %s::regclass"
    for (index,) in conn.execute(indexes, [table]).fetchall():
        rename = sql.SQL("alter index {} rename to {}")
        conn.execute(rename.format(sql.Identifier(index), sql.Identifier(index.removesuffix(NEW))))


def upsert(conn: psycopg.Connection, table: str, rows: pa.Table, key: Sequence[str]) -> int:
    """Write the rows that are new, or differ from the table in a column of `rows`; return their number.

    Other columns keep their value, and have their default in a new row. `rows` may contain a key only once.
    """
    columns = sql.SQL(", ").join(map(sql.Identifier, rows.column_names))
    others = [sql.Identifier(name) for name in rows.column_names if name not in key]
    staged = sql.Identifier(f"{table}_staged")
    conn.execute(sql.SQL("drop table if exists pg_temp.{}").format(staged))
    like = sql.SQL("create temp table {} on commit drop as select {} from {} with no data")
    conn.execute(like.format(staged, columns, sql.Identifier(table)))
    copy_rows(conn, f"{table}_staged", rows)
    insert = sql.SQL("insert into {} as t ({}) select {} from {} on conflict ({}) do ").format(
        sql.Identifier(table), columns, columns, staged, sql.SQL(", ").join(map(sql.Identifier, key))
    )
    if not others:
        return conn.execute(insert + sql.SQL("nothing")).rowcount
    update = sql.SQL("update set {} where ({}) is distinct from ({})").format(
        sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(name) for name in others),
        sql.SQL(", ").join(sql.SQL("t.{}").format(name) for name in others),
        sql.SQL(", ").join(sql.SQL("excluded.{}").format(name) for name in others),
    )
    return conn.execute(insert + update).rowcount


def copy_rows(conn: psycopg.Connection, table: str, rows: pa.Table, freeze: bool = False) -> int:
    """Append rows through COPY; return their number."""
    if rows.num_rows == 0:
        return 0
    columns = sql.SQL(", ").join(map(sql.Identifier, rows.column_names))
    options = sql.SQL("format csv, freeze" if freeze else "format csv")
    text = memoryview(render_copy_text(rows))
    with conn.cursor() as cursor:
        with cursor.copy(sql.SQL("copy {} ({}) from stdin ({})").format(sql.Identifier(table), columns, options)) as copy:
            for start in range(0, len(text), PIECE_BYTES):
                copy.write(text[start : start + PIECE_BYTES])
        return cursor.rowcount
