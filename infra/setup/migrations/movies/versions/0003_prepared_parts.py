"""Prepared parts: a feature set or a prediction set is ready or retired. Only a deployment makes it live."""

from alembic import op

revision = "0003"
down_revision = "0002"

SQL = """
drop index feature_set_live;
alter table feature_set add column online_keys bigint, drop constraint feature_set_state_check;
update feature_set set state = 'ready' where state in ('live', 'previous');
alter table feature_set add constraint feature_set_state_check check (state in ('writing', 'ready', 'retired'));
comment on table feature_set is 'Feature sets in Redis; each is a Feast project of that name. Table deployment says which one is live.';
comment on column feature_set.online_keys is 'Redis keys of the set: one for each movie, one more for each TMDB id; null for a set of before there were deployments.';

drop index prediction_set_live;
alter table prediction_set drop constraint prediction_set_state_check;
update prediction_set set state = 'ready' where state in ('live', 'previous');
alter table prediction_set add constraint prediction_set_state_check check (state in ('ready', 'retired'));
comment on table prediction_set is 'Predictions of all movies by one model of one feature set. Table deployment says which ones are live.';
comment on column prediction_set.prediction_set is 'Hash of the model version, the model file''s sha256 and the feature set; of the last two''s hashes in sets of before there were deployments.';
comment on table prediction is 'The live deployment''s rating of every movie, replaced whole when another one goes live.';

alter table deployment add column alias_at timestamptz;
comment on column deployment.alias_at is 'When the alias champion in MLflow was set for this deployment: an alias that differs later was moved by hand.';
comment on table deployment is 'What is and was live: a model, the feature set it reads, and its predictions of that set. Only live_at, alias_at and the ended columns of a row ever change.';
"""


def upgrade() -> None:
    """Set the new states of the parts. Redis still names the live sets, and the first deployment adopts them from there."""
    op.execute(SQL)
