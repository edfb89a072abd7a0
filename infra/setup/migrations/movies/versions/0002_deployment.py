"""The deployment record: the model, feature set and predictions that are or were live together."""

from alembic import op

revision = "0002"
down_revision = "0001"

SQL = """
alter table feature_set
    add column day         date,
    add column schema_hash text;
comment on column feature_set.day is 'The latest day the set is known to be right for; null for a set of before there were deployments.';
comment on column feature_set.schema_hash is 'Of the names and types of the model''s features; null like day.';

create table deployment (
    deployment     bigint generated always as identity primary key,
    kind           text not null check (kind in ('deploy', 'rollback', 'adopted', 'alias')),
    model_name     text not null,
    model_version  text not null,
    model_sha256   text not null,
    release_sha256 text not null,
    feature_set    text not null,
    snapshot_id    bigint not null,
    content_hash   text not null,
    schema_hash    text not null,
    prediction_set text not null,
    day            date not null,
    images         jsonb,
    reason         text not null,
    made_by        text not null,
    made_at        timestamptz not null default now(),
    replaces       bigint references deployment,
    live_at        timestamptz,
    ended_at       timestamptz,
    ended_how      text check (ended_how in ('replaced', 'rolled back', 'abandoned')),
    check ((ended_at is null) = (ended_how is null)),
    check (live_at is not null or ended_how is null or ended_how = 'abandoned')
);
create unique index deployment_live on deployment ((true)) where live_at is not null and ended_at is null;
comment on table deployment is 'What is and was live: a model, the feature set it reads, and its predictions of that set. Only the live_at and ended columns of a row ever change.';
comment on column deployment.kind is 'deploy: new parts; rollback: parts of an earlier deployment; adopted: what was live before there were deployments; alias: a person moved the alias champion in MLflow.';
comment on column deployment.model_sha256 is 'Of model.onnx; release_sha256 of release.json.';
comment on column deployment.snapshot_id is 'Snapshot of the offline table that the feature set was published from.';
comment on column deployment.day is 'Day of the feature set.';
comment on column deployment.images is 'Digest of each container image by name; null where tasks run as processes.';
comment on column deployment.made_by is 'The DAG run''s task and its attempt, or a person''s user@host.';
comment on column deployment.replaces is 'The deployment that was live when this one was made.';
comment on column deployment.live_at is 'When the Redis key marquee:deployment was seen to name this row; null until then.';
comment on column deployment.ended_how is 'abandoned: it never went live, since another deployment came first.';
"""


def upgrade() -> None:
    """Add the table, and the columns of feature_set that a deployment needs."""
    op.execute(SQL)
