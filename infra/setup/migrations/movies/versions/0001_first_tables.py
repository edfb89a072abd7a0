"""The tables of the movies database as they were before the first migration.

Earlier releases made these tables without migrations and recorded that in the table applied_schema. This revision adopts such
databases, so every statement must work if its object already exists with data.
"""

from alembic import op

revision = "0001"
down_revision = None

SQL = """
create table if not exists film (
    movie_id        text primary key check (movie_id ~ '^tt[0-9]{7,10}$'),
    title_type      text not null,
    primary_title   text not null,
    original_title  text,
    is_adult        boolean not null,
    start_year      smallint check (start_year between 1870 and 2200),
    end_year        smallint check (end_year between 1870 and 2200),
    runtime_minutes integer check (runtime_minutes >= 0),
    genres          text[] not null
);
comment on table film is 'One row a film of IMDb title.basics (titleType movie or tvMovie); the latest ingested file.';
comment on column film.movie_id is 'IMDb tconst: the id of a movie everywhere on this platform.';
comment on column film.start_year is 'Year of first release; null where IMDb has none.';
comment on column film.original_title is 'Null for the few films that IMDb lists without one.';

create table if not exists rating (
    movie_id       text primary key check (movie_id ~ '^tt[0-9]{7,10}$'),
    average_rating numeric(3, 1) not null check (average_rating between 1 and 10),
    num_votes      integer not null check (num_votes >= 0)
);
comment on table rating is 'IMDb title.ratings, of every title type; not all have a film row. Known only after release.';

create table if not exists crew (
    movie_id  text primary key,
    directors text[] not null,
    writers   text[] not null
);
comment on table crew is 'IMDb title.crew: person ids (nconst) in the order of the file.';

create table if not exists credit (
    movie_id   text not null,
    ordering   integer not null check (ordering > 0),
    person_id  text not null,
    category   text not null,
    job        text,
    characters text,
    primary key (movie_id, ordering)
);
comment on table credit is 'IMDb title.principals: who is billed, in billing order.';

create table if not exists person (
    person_id   text primary key check (person_id ~ '^nm[0-9]{7,10}$'),
    name        text not null,
    birth_year  smallint,
    death_year  smallint,
    professions text[] not null,
    known_for   text[] not null
);
comment on table person is 'IMDb name.basics.';

create table if not exists tmdb_movie (
    movie_id          text primary key check (movie_id ~ '^tt[0-9]{7,10}$'),
    tmdb_id           bigint not null unique,
    title             text,
    original_language text,
    release_date      date,
    runtime_minutes   integer,
    budget            bigint check (budget > 0),
    status            text,
    adult             boolean,
    overview          text,
    tagline           text,
    genres            text[] not null,
    companies         text[] not null,
    countries         text[] not null,
    spoken_languages  text[] not null,
    keywords          text[] not null,
    cast_size         integer not null,
    crew_size         integer not null,
    revenue           bigint check (revenue > 0),
    popularity        double precision,
    vote_average      double precision,
    vote_count        integer,
    raw_key           text not null,
    raw_row           integer not null
);
comment on table tmdb_movie is 'The latest answer of TMDB GET /3/movie/{id} for each film it knows.';
comment on column tmdb_movie.budget is 'US dollars; null where TMDB says 0, which is its word for unknown.';
comment on column tmdb_movie.original_language is 'ISO 639-1; null where TMDB says xx, which is its word for unknown.';
comment on column tmdb_movie.revenue is 'US dollars. Known only after release: never a pre-release feature; so are popularity and the votes.';
comment on column tmdb_movie.raw_key is 'Object in S3 with the answer''s bytes; raw_row is its row there.';

create table if not exists tmdb_request (
    movie_id     text primary key,
    outcome      text not null check (outcome in ('found', 'absent', 'quarantined')),
    tmdb_id      bigint,
    status       smallint not null,
    raw_key      text not null,
    raw_row      integer not null,
    requested_on date not null
);
comment on table tmdb_request is 'The ledger of films asked of TMDB: what is in it is not asked again until TMDB says it changed or it is old.';

create table if not exists quarantine (
    source     text not null,
    raw_key    text not null,
    line       bigint not null,
    reason     text not null,
    record     text not null,
    seen_on    date not null,
    primary key (source, raw_key, line)
);
comment on table quarantine is 'Rows that break their source''s format, with the reason; raw_key and line lead to the bytes.';

create table if not exists ingested_file (
    name          text not null,
    sha256        text not null,
    raw_key       text not null,
    bytes         bigint not null,
    etag          text,
    last_modified text,
    lines         bigint not null,
    loaded        bigint not null,
    skipped       bigint not null,
    quarantined   bigint not null,
    day           date not null,
    ingested_at   timestamptz not null default now(),
    is_current    boolean not null,
    primary key (name, sha256),
    check (lines = loaded + skipped + quarantined)
);
comment on table ingested_file is 'The ledger of source files: which bytes each table came from, with every line accounted for.';
create unique index if not exists ingested_file_current on ingested_file (name) where is_current;

create table if not exists feature_set (
    feature_set  text primary key,
    snapshot_id  bigint not null,
    content_hash text not null,
    movies       bigint not null,
    state        text not null check (state in ('writing', 'live', 'previous', 'retired')),
    published_at timestamptz
);
comment on table feature_set is 'Feature sets in Redis; each is a Feast project of that name. One is live, the one before is kept.';
create unique index if not exists feature_set_live on feature_set (state) where state = 'live';

create table if not exists prediction (
    movie_id       text primary key check (movie_id ~ '^tt[0-9]{7,10}$'),
    rating         double precision not null check (rating between 1 and 10),
    model_output   double precision not null,
    features_as_of timestamptz not null,
    model_version  text not null,
    feature_set    text not null
);
comment on table prediction is 'The champion''s rating of every film of the live feature set: the live row of prediction_set, replaced whole.';
comment on column prediction.rating is 'What the API answers while that model and that feature set are live.';
comment on column prediction.model_output is 'The same before it is rounded: exactly what ONNX Runtime gives, a float32.';

create table if not exists prediction_set (
    prediction_set text primary key,
    model_version  text not null,
    model_sha256   text not null,
    feature_set    text not null,
    content_hash   text not null,
    day            date not null,
    films          bigint not null,
    object_key     text not null,
    object_bytes   bigint not null,
    state          text not null check (state in ('live', 'previous', 'retired')),
    predicted_at   timestamptz not null
);
alter table prediction_set
    add column if not exists catalogue_key    text,
    add column if not exists catalogue_sha256 text,
    add column if not exists catalogue_bytes  bigint;
comment on table prediction_set is 'Which ratings of all films there are. One is live, and is table prediction; the one before is kept.';
comment on column prediction_set.prediction_set is 'Hash of the model file''s sha256 and the feature set''s content hash: the same two are not rated again.';
comment on column prediction_set.day is 'The latest day the features are known to be right for.';
comment on column prediction_set.object_key is 'Parquet file of the ratings in S3, by movie_id; it is named by the sha256 of its bytes.';
comment on column prediction_set.catalogue_key is 'SQLite file of the same ratings, with titles to search; null in sets of before there was one.';
create unique index if not exists prediction_set_live on prediction_set (state) where state = 'live';

create sequence if not exists task_lease_token;
comment on sequence task_lease_token is 'Tokens of task_lease: a greater one is newer, and none comes twice, whatever becomes of the rows.';
create table if not exists task_lease (
    key           text primary key,
    token         bigint not null,
    holder        text not null,
    attempt       integer check (attempt > 0),
    taken_at      timestamptz not null,
    backend_pid   integer not null,
    backend_start timestamptz not null
);
comment on table task_lease is 'Which attempt of each verb may commit: the one whose token is here. Every commit locks the row and compares.';
comment on column task_lease.holder is 'The DAG run''s task, or the person''s host and process; a later attempt of the same holder takes over.';
comment on column task_lease.backend_pid is 'With backend_start, the session that the holder keeps open: while it is in pg_stat_activity, it lives.';

create table if not exists skew_audit (
    audit_id   text not null,
    feature    text not null,
    compared   bigint not null,
    mismatched bigint not null check (mismatched between 0 and compared),
    example    text,
    verdict    text not null check (verdict in ('passed', 'failed', 'accepted')),
    day        date not null,
    audited_at timestamptz not null,
    primary key (audit_id, feature)
);
comment on table skew_audit is 'In how many of the audited predictions a feature differed online from offline; audit_skew writes it.';
comment on column skew_audit.audit_id is 'Hash of the predictions that were audited: the same ones are recorded once.';
comment on column skew_audit.feature is 'A feature, or what is counted like one: number of features, movie_id (has the film an offline row), features_as_of.';
comment on column skew_audit.example is 'A prediction in which it differed, for marquee replay.';
comment on column skew_audit.verdict is 'Of the whole audit: accepted is what would have failed, but was let through by hand.';
create index if not exists skew_audit_audited_at on skew_audit (audited_at);

drop table if exists applied_schema;
"""


def upgrade() -> None:
    """Make the tables, or adopt existing ones."""
    op.execute(SQL)
