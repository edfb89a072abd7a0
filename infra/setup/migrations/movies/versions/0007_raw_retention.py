"""Raw files of IMDb are not kept for ever: the rows of those that were removed stay, so that no day is built without them."""

from alembic import op

revision = "0007"
down_revision = "0006"

SQL = """
alter table raw_object add column state text not null default 'kept' check (state in ('kept', 'removing', 'removed'));
comment on column raw_object.state is 'The same in all rows of one raw_key: kept, about to be removed from the bucket, or removed.';
"""


def upgrade() -> None:
    """Add the column. Everything that was archived before is kept."""
    op.execute(SQL)
