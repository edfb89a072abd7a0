"""The day from which TMDB has had no usable answer for a movie: such movies are asked for ever more rarely."""

from alembic import op

revision = "0006"
down_revision = "0005"

SQL = """
alter table tmdb_request add column blank_since date;
comment on column tmdb_request.blank_since is 'The first day of the requests without a usable answer; null if the last one had one.';
update tmdb_request set blank_since = requested_on where outcome <> 'found';
"""


def upgrade() -> None:
    """Add the column. For movies without an answer the time begins with the last request, the only one that is known."""
    op.execute(SQL)
