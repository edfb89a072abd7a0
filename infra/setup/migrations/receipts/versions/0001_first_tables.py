"""The table receipt as it was before the first migration.

Earlier releases made these tables without migrations and recorded that in the table applied_schema. This revision adopts such
databases, so every statement must work if its object already exists with data.
"""

from alembic import op

revision = "0001"
down_revision = None

SQL = """
create table if not exists receipt (
    prediction_id  text primary key check (length(prediction_id) = 32),
    answered_at    timestamptz not null,
    way            text not null check (way in ('predict', 'batch', 'whatif', 'grpc')),
    source         text not null check (source in ('fresh', 'stale', 'snapshot')),
    movie_id       text not null,
    rating         double precision not null,
    model_output   real not null,
    model_version  text not null,
    model_sha256   text not null,
    release_sha256 text,
    feature_set    text not null,
    snapshot_id    text not null,
    features_as_of timestamptz not null,
    features       real[],
    overrides      jsonb
);
comment on table receipt is 'What each answer of the API was made of, so that it can be computed again. Written a moment after the answer, off its path.';
comment on column receipt.prediction_id is 'As in the answer; sorts by time: 12 hex digits of Unix milliseconds, 12 of the worker, 8 of its counter.';
comment on column receipt.way is 'How it was asked: GET /predict, POST /predict, POST /whatif, gRPC.';
comment on column receipt.source is 'Where the rating came from: fresh or stale features and the model, or the last published ratings (snapshot).';
comment on column receipt.rating is 'As answered: rounded to 4 decimals.';
comment on column receipt.model_output is 'What the model gave, before rounding.';
comment on column receipt.model_sha256 is 'Of model.onnx.';
comment on column receipt.release_sha256 is 'Of release.json; null for versions that were registered without one.';
comment on column receipt.feature_set is 'The Feast project of the online rows; for a snapshot, of the rows that its ratings were made from.';
comment on column receipt.snapshot_id is 'Snapshot of the offline table that the feature set was published from.';
comment on column receipt.features_as_of is 'Event time of the feature row.';
comment on column receipt.features is 'The model''s input in its own column order, NaN for unknown; null where no model ran (snapshot).';
comment on column receipt.overrides is 'POST /whatif only: the features that the question replaced, null for unknown; features has them already.';
create index if not exists receipt_answered_at on receipt (answered_at);

drop table if exists applied_schema;
"""


def upgrade() -> None:
    """Make the tables, or adopt existing ones."""
    op.execute(SQL)
