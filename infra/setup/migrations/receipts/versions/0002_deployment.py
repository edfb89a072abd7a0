"""The deployment that made each prediction."""

from alembic import op

revision = "0002"
down_revision = "0001"

SQL = """
alter table receipt
    add column deployment bigint,
    drop constraint receipt_source_check,
    add constraint receipt_source_check check (source in ('fresh', 'stale', 'snapshot', 'prediction_set')) not valid;
comment on column receipt.deployment is 'The row of table deployment (movies database) that was live; null for answers of before there were deployments.';
comment on column receipt.source is 'Where the rating came from: fresh or stale features and the model, or the published predictions, which are called prediction_set, and snapshot in older rows.';
"""


def upgrade() -> None:
    """Add the column, and allow the source prediction_set. `not valid` avoids a scan of all receipts."""
    op.execute(SQL)
