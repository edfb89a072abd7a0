"""Writing tables of Postgres from Arrow: a whole one replaced, or the rows that changed."""

from collections.abc import Iterable, Sequence

import psycopg
import pyarrow as pa
from psycopg import sql

from tasks.core.copy_text import render_copy_text

PIECE_BYTES = 1 << 20
NEW = "_new"
"""Suffix of a table, and of its indexes, while it is being filled beside the old one."""


def replace_table(conn: psycopg.Connection, table: str, rows: pa.Table | Iterable[pa.Table]) -> int:
    """Make `rows` the whole content of the table, in the caller's transaction; returns their number.

    Readers see the old rows until the caller commits. Rows that break the table's keys or checks are a psycopg.Error.
    """
    loaded = fill_new_table(conn, table, rows)
    swap_new_table(conn, table)
    return loaded


def fill_new_table(conn: psycopg.Connection, table: str, rows: pa.Table | Iterable[pa.Table]) -> int:
    """The long half of replace_table: fills and indexes `<table>_new`, taking no lock that a reader or writer would meet."""
    old, new = sql.Identifier(table), sql.Identifier(table + NEW)
    conn.execute(sql.SQL("create table {} (like {} including all excluding indexes)").format(new, old))
    # COPY FREEZE needs a table made in this transaction; keys are six times cheaper after the rows than during them.
    loaded = copy_rows(conn, table + NEW, rows, freeze=True)
    for name, definition in conn.execute(KEYS, [table]).fetchall():
        add = sql.SQL("alter table {} add constraint {} {}")
        conn.execute(add.format(new, sql.Identifier(name + NEW), sql.SQL(definition)))
    for name, kind, definition in conn.execute(INDEXES, [table]).fetchall():
        create = sql.SQL("create {} {} on {} using {}")
        conn.execute(create.format(sql.SQL(kind), sql.Identifier(name + NEW), new, sql.SQL(definition)))
    comment = conn.execute("select obj_description(%s::regclass, 'pg_class')", [table]).fetchone()
    conn.execute(sql.SQL("comment on table {} is {}").format(new, sql.Literal(comment[0] if comment else None)))
    for privilege, role in conn.execute(GRANTS, [table]).fetchall():
        conn.execute(sql.SQL("grant {} on {} to {}").format(sql.SQL(privilege), new, sql.SQL(role)))
    conn.execute(sql.SQL("analyze {}").format(new))
    return loaded


KEYS = """select conname, pg_get_constraintdef(oid) from pg_constraint
    where conrelid = %s::regclass and contype in ('p', 'u', 'x') order by conname"""
INDEXES = """select c.relname, case when indisunique then 'unique index' else 'index' end,
        substring(pg_get_indexdef(indexrelid) from ' USING (.*)$')
    from pg_index join pg_class c on c.oid = indexrelid
    where indrelid = %s::regclass and not exists (select from pg_constraint where conindid = indexrelid) order by 1"""
GRANTS = """select privilege_type, case grantee when 0 then 'public' else grantee::regrole::text end
    from pg_class, aclexplode(relacl) where oid = %s::regclass and grantee <> relowner"""


def swap_new_table(conn: psycopg.Connection, table: str) -> None:
    """The short half of replace_table: puts `<table>_new` in the table's place; readers wait from here to the caller's commit."""
    old, new = sql.Identifier(table), sql.Identifier(table + NEW)
    conn.execute(sql.SQL("drop table {}").format(old))
    conn.execute(sql.SQL("alter table {} rename to {}").format(new, old))
    indexes = "select relname from pg_index join pg_class c on c.oid = indexrelid where indrelid = %s::regclass"
    for (index,) in conn.execute(indexes, [table]).fetchall():
        rename = sql.SQL("alter index {} rename to {}")
        conn.execute(rename.format(sql.Identifier(index), sql.Identifier(index.removesuffix(NEW))))


def upsert(conn: psycopg.Connection, table: str, rows: pa.Table, key: Sequence[str]) -> int:
    """Write rows by key, touching only those that differ in a column given; returns how many were new or different.

    Columns that `rows` lacks keep their value, or get their default. `rows` may hold a key only once.
    """
    columns = sql.SQL(", ").join(map(sql.Identifier, rows.column_names))
    others = [sql.Identifier(name) for name in rows.column_names if name not in key]
    given = sql.Identifier(f"{table}_given")
    conn.execute(sql.SQL("drop table if exists pg_temp.{}").format(given))
    like = sql.SQL("create temp table {} on commit drop as select {} from {} with no data")
    conn.execute(like.format(given, columns, sql.Identifier(table)))
    copy_rows(conn, f"{table}_given", rows)
    insert = sql.SQL("insert into {} as t ({}) select {} from {} on conflict ({}) do ").format(
        sql.Identifier(table), columns, columns, given, sql.SQL(", ").join(map(sql.Identifier, key))
    )
    if not others:
        return conn.execute(insert + sql.SQL("nothing")).rowcount
    update = sql.SQL("update set {} where ({}) is distinct from ({})").format(
        sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(name) for name in others),
        sql.SQL(", ").join(sql.SQL("t.{}").format(name) for name in others),
        sql.SQL(", ").join(sql.SQL("excluded.{}").format(name) for name in others),
    )
    return conn.execute(insert + update).rowcount


def copy_rows(conn: psycopg.Connection, table: str, rows: pa.Table | Iterable[pa.Table], freeze: bool = False) -> int:
    """Append rows through COPY, one Arrow table after another, so that memory holds one at a time; returns their number."""
    copied = 0
    for batch in [rows] if isinstance(rows, pa.Table) else rows:
        if batch.num_rows == 0:
            continue
        columns = sql.SQL(", ").join(map(sql.Identifier, batch.column_names))
        options = sql.SQL("format csv, freeze" if freeze else "format csv")
        text = memoryview(render_copy_text(batch))
        with conn.cursor() as cursor:
            with cursor.copy(sql.SQL("copy {} ({}) from stdin ({})").format(sql.Identifier(table), columns, options)) as copy:
                for start in range(0, len(text), PIECE_BYTES):
                    copy.write(text[start : start + PIECE_BYTES])
            copied += cursor.rowcount
    return copied
