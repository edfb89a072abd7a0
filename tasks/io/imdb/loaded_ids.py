"""The ids of movies, and of people with a credit, as a load of IMDb's files leaves them."""

import psycopg
import pyarrow as pa
from psycopg import sql

from tasks.core.imdb.files import FILES, SourceFile
from tasks.core.imdb.keys import IdSet, SeenKeys, compute_all_keys

ROWS = 100_000


class LoadedIds:
    """The ids that each file gives: collected while its rows are loaded, read from its table if it is not loaded."""

    def __init__(self, conn: psycopg.Connection) -> None:
        self._conn, self._seen, self._loaded, self._sets = conn, dict[bytes, SeenKeys](), set[str](), dict[bytes, IdSet]()

    def add(self, file: SourceFile, rows: pa.Table) -> None:
        """Collect the ids of rows that are being loaded."""
        self._loaded.add(file.table)
        if file.gives:
            self._seen.setdefault(file.gives_letters, SeenKeys()).add(compute_all_keys(rows, file.gives))

    def find(self, file: SourceFile) -> IdSet | None:
        """Return the ids of the file's rows that are to be loaded, None where the rows say so themselves."""
        if not file.needs:
            return None
        if file.letters not in self._sets:
            seen = self._seen.pop(file.letters, SeenKeys())
            for other in FILES:
                if other.table in file.needs and other.table not in self._loaded:
                    self._read(other, seen)
            self._sets[file.letters] = seen.close()
        return self._sets[file.letters]

    def _read(self, file: SourceFile, seen: SeenKeys) -> None:
        columns = sql.SQL(", ").join(map(sql.Identifier, file.gives))
        with self._conn.cursor(name="imdb_ids") as cursor:
            cursor.execute(sql.SQL("select {} from {}").format(columns, sql.Identifier(file.table)))
            while rows := cursor.fetchmany(ROWS):
                values = [pa.array(column) for column in zip(*rows, strict=True)]
                seen.add(compute_all_keys(pa.table(values, names=file.gives), file.gives))
