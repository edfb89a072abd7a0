"""The archive of raw files by day, from which past days can be built again."""

from alembic import op

revision = "0005"
down_revision = "0004"

SQL = """
create table raw_object (
    name        text not null,
    raw_key     text not null,
    day         date not null,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (name, raw_key, day)
);
comment on table raw_object is 'What each day''s ingest had: the current version of each of IMDb''s files, and every batch of TMDB''s answers.';
comment on column raw_object.name is 'Name of IMDb''s file, or tmdb for a batch of answers.';
comment on column raw_object.raw_key is 'Key of the bytes in the bucket.';
comment on column raw_object.recorded_at is 'Order of several versions or batches on one day.';
create index raw_object_day on raw_object (day);

insert into raw_object (name, raw_key, day, recorded_at)
    select name, raw_key, day, ingested_at from ingested_file where raw_key like 'raw/imdb/%';
insert into raw_object (name, raw_key, day, recorded_at)
    select 'tmdb', raw_key, max(requested_on), max(requested_on)::timestamptz from tmdb_request group by raw_key;
"""


def upgrade() -> None:
    """Make the table. It begins with what the two ledgers know: the last day of each version, and batches not replaced since."""
    op.execute(SQL)
