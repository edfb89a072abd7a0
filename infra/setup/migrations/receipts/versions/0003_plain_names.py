"""Column names that the other tables and the metrics use too."""

from alembic import op

revision = "0003"
down_revision = "0002"

SQL = """
alter table receipt rename column answered_at to predicted_at;
alter table receipt rename column way to endpoint;
alter table receipt rename constraint receipt_way_check to receipt_endpoint_check;
alter index receipt_answered_at rename to receipt_predicted_at;
comment on column receipt.endpoint is 'Where the question came in: predict (GET /predict), batch (POST /predict), whatif (POST /whatif) or grpc.';
"""


def upgrade() -> None:
    """Rename two columns, a constraint and an index."""
    op.execute(SQL)
