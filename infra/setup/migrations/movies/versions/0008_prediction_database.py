"""The SQLite file of a prediction set has one name: prediction database."""

from alembic import op

revision = "0008"
down_revision = "0007"

SQL = """
alter table prediction_set rename column catalogue_key to database_key;
alter table prediction_set rename column catalogue_sha256 to database_sha256;
alter table prediction_set rename column catalogue_bytes to database_bytes;
comment on column prediction_set.database_key is 'Prediction database in S3: SQLite file of the same ratings, with titles to search; null once it was removed.';
"""


def upgrade() -> None:
    """Rename the columns."""
    op.execute(SQL)
