-- The movies database as its migrations make it, to be read; `make schemas` writes this file.

CREATE TABLE credit (
    movie_id text NOT NULL,
    ordering integer NOT NULL,
    person_id text NOT NULL,
    category text NOT NULL,
    job text,
    characters text,
    CONSTRAINT credit_ordering_check CHECK ((ordering > 0))
);

COMMENT ON TABLE credit IS 'IMDb title.principals: who is billed, in billing order.';

CREATE TABLE crew (
    movie_id text NOT NULL,
    directors text[] NOT NULL,
    writers text[] NOT NULL
);

COMMENT ON TABLE crew IS 'IMDb title.crew: person ids (nconst) in the order of the file.';

CREATE TABLE deployment (
    deployment bigint NOT NULL,
    kind text NOT NULL,
    model_name text NOT NULL,
    model_version text NOT NULL,
    model_sha256 text NOT NULL,
    release_sha256 text NOT NULL,
    feature_set text NOT NULL,
    snapshot_id bigint NOT NULL,
    content_hash text NOT NULL,
    schema_hash text NOT NULL,
    prediction_set text NOT NULL,
    day date NOT NULL,
    images jsonb,
    reason text NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    replaces bigint,
    live_at timestamp with time zone,
    ended_at timestamp with time zone,
    ended_how text,
    alias_at timestamp with time zone,
    CONSTRAINT deployment_check CHECK (((ended_at IS NULL) = (ended_how IS NULL))),
    CONSTRAINT deployment_check1 CHECK (((live_at IS NOT NULL) OR (ended_how IS NULL) OR (ended_how = 'abandoned'::text))),
    CONSTRAINT deployment_ended_how_check CHECK ((ended_how = ANY (ARRAY['replaced'::text, 'rolled back'::text, 'abandoned'::text]))),
    CONSTRAINT deployment_kind_check CHECK ((kind = ANY (ARRAY['deploy'::text, 'rollback'::text, 'adopted'::text, 'alias'::text])))
);

COMMENT ON TABLE deployment IS 'What is and was live: a model, the feature set it reads, and its predictions of that set. Only live_at, alias_at and the ended columns of a row ever change.';

COMMENT ON COLUMN deployment.kind IS 'deploy: new parts; rollback: parts of an earlier deployment; adopted: what was live before there were deployments; alias: a person moved the alias champion in MLflow.';

COMMENT ON COLUMN deployment.model_sha256 IS 'Of model.onnx; release_sha256 of release.json.';

COMMENT ON COLUMN deployment.snapshot_id IS 'Snapshot of the offline table that the feature set was published from.';

COMMENT ON COLUMN deployment.day IS 'Day of the feature set.';

COMMENT ON COLUMN deployment.images IS 'Digest of each container image by name; null where tasks run as processes.';

COMMENT ON COLUMN deployment.made_by IS 'The DAG run''s task and its attempt, or a person''s user@host.';

COMMENT ON COLUMN deployment.replaces IS 'The deployment that was live when this one was made.';

COMMENT ON COLUMN deployment.live_at IS 'When the Redis key marquee:deployment was seen to name this row; null until then.';

COMMENT ON COLUMN deployment.ended_how IS 'abandoned: it never went live, since another deployment came first.';

COMMENT ON COLUMN deployment.alias_at IS 'When the alias champion in MLflow was set for this deployment: an alias that differs later was moved by hand.';

ALTER TABLE deployment ALTER COLUMN deployment ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME deployment_deployment_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE feature_set (
    feature_set text NOT NULL,
    snapshot_id bigint NOT NULL,
    content_hash text NOT NULL,
    movies bigint NOT NULL,
    state text NOT NULL,
    published_at timestamp with time zone,
    day date,
    schema_hash text,
    online_keys bigint,
    CONSTRAINT feature_set_state_check CHECK ((state = ANY (ARRAY['writing'::text, 'ready'::text, 'retired'::text])))
);

COMMENT ON TABLE feature_set IS 'Feature sets in Redis; each is a Feast project of that name. Table deployment says which one is live.';

COMMENT ON COLUMN feature_set.day IS 'The latest day the set is known to be right for; null for a set of before there were deployments.';

COMMENT ON COLUMN feature_set.schema_hash IS 'Of the names and types of the model''s features; null like day.';

COMMENT ON COLUMN feature_set.online_keys IS 'Redis keys of the set: one for each movie, one more for each TMDB id; null for a set of before there were deployments.';

CREATE TABLE ingested_file (
    name text NOT NULL,
    sha256 text NOT NULL,
    raw_key text NOT NULL,
    bytes bigint NOT NULL,
    etag text,
    last_modified text,
    lines bigint NOT NULL,
    loaded bigint NOT NULL,
    skipped bigint NOT NULL,
    quarantined bigint NOT NULL,
    day date NOT NULL,
    ingested_at timestamp with time zone DEFAULT now() NOT NULL,
    is_current boolean NOT NULL,
    CONSTRAINT ingested_file_check CHECK ((lines = ((loaded + skipped) + quarantined)))
);

COMMENT ON TABLE ingested_file IS 'The ledger of source files: which bytes each table came from, with every line accounted for.';

CREATE TABLE movie (
    movie_id text NOT NULL,
    title_type text NOT NULL,
    primary_title text NOT NULL,
    original_title text,
    is_adult boolean NOT NULL,
    start_year smallint,
    end_year smallint,
    runtime_minutes integer,
    genres text[] NOT NULL,
    CONSTRAINT movie_end_year_check CHECK (((end_year >= 1870) AND (end_year <= 2200))),
    CONSTRAINT movie_movie_id_check CHECK ((movie_id ~ '^tt[0-9]{7,10}$'::text)),
    CONSTRAINT movie_runtime_minutes_check CHECK ((runtime_minutes >= 0)),
    CONSTRAINT movie_start_year_check CHECK (((start_year >= 1870) AND (start_year <= 2200)))
);

COMMENT ON TABLE movie IS 'One row a movie of IMDb title.basics (titleType movie or tvMovie); the latest ingested file.';

COMMENT ON COLUMN movie.movie_id IS 'IMDb tconst: the id of a movie everywhere on this platform.';

COMMENT ON COLUMN movie.original_title IS 'Null for the few movies that IMDb lists without one.';

COMMENT ON COLUMN movie.start_year IS 'Year of first release; null where IMDb has none.';

CREATE TABLE movies_schema_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE person (
    person_id text NOT NULL,
    name text NOT NULL,
    birth_year smallint,
    death_year smallint,
    professions text[] NOT NULL,
    known_for text[] NOT NULL,
    CONSTRAINT person_person_id_check CHECK ((person_id ~ '^nm[0-9]{7,10}$'::text))
);

COMMENT ON TABLE person IS 'IMDb name.basics.';

CREATE TABLE prediction (
    movie_id text NOT NULL,
    rating double precision NOT NULL,
    model_output double precision NOT NULL,
    features_as_of timestamp with time zone NOT NULL,
    model_version text NOT NULL,
    feature_set text NOT NULL,
    CONSTRAINT prediction_movie_id_check CHECK ((movie_id ~ '^tt[0-9]{7,10}$'::text)),
    CONSTRAINT prediction_rating_check CHECK (((rating >= (1)::double precision) AND (rating <= (10)::double precision)))
);

COMMENT ON TABLE prediction IS 'The live deployment''s rating of every movie, replaced whole when another one goes live.';

COMMENT ON COLUMN prediction.rating IS 'What the API answers while that model and that feature set are live.';

COMMENT ON COLUMN prediction.model_output IS 'The same before it is rounded: exactly what ONNX Runtime gives, a float32.';

CREATE TABLE prediction_set (
    prediction_set text NOT NULL,
    model_version text NOT NULL,
    model_sha256 text NOT NULL,
    feature_set text NOT NULL,
    content_hash text NOT NULL,
    day date NOT NULL,
    movies bigint NOT NULL,
    object_key text NOT NULL,
    object_bytes bigint NOT NULL,
    state text NOT NULL,
    predicted_at timestamp with time zone NOT NULL,
    database_key text,
    database_sha256 text,
    database_bytes bigint,
    CONSTRAINT prediction_set_state_check CHECK ((state = ANY (ARRAY['ready'::text, 'retired'::text])))
);

COMMENT ON TABLE prediction_set IS 'Predictions of all movies by one model of one feature set. Table deployment says which ones are live.';

COMMENT ON COLUMN prediction_set.prediction_set IS 'Hash of the model version, the model file''s sha256 and the feature set; of the last two''s hashes in sets of before there were deployments.';

COMMENT ON COLUMN prediction_set.day IS 'The latest day the features are known to be right for.';

COMMENT ON COLUMN prediction_set.object_key IS 'Parquet file of the ratings in S3, by movie_id; it is named by the sha256 of its bytes.';

COMMENT ON COLUMN prediction_set.database_key IS 'Prediction database in S3: SQLite file of the same ratings, with titles to search; null once it was removed.';

CREATE TABLE quarantine (
    source text NOT NULL,
    raw_key text NOT NULL,
    line bigint NOT NULL,
    reason text NOT NULL,
    record text NOT NULL,
    seen_on date NOT NULL
);

COMMENT ON TABLE quarantine IS 'Rows that break their source''s format, with the reason; raw_key and line lead to the bytes.';

CREATE TABLE rating (
    movie_id text NOT NULL,
    average_rating numeric(3,1) NOT NULL,
    num_votes integer NOT NULL,
    CONSTRAINT rating_average_rating_check CHECK (((average_rating >= (1)::numeric) AND (average_rating <= (10)::numeric))),
    CONSTRAINT rating_movie_id_check CHECK ((movie_id ~ '^tt[0-9]{7,10}$'::text)),
    CONSTRAINT rating_num_votes_check CHECK ((num_votes >= 0))
);

COMMENT ON TABLE rating IS 'IMDb title.ratings, of every title type; not all have a row of movie. Known only after release.';

CREATE TABLE raw_object (
    name text NOT NULL,
    raw_key text NOT NULL,
    day date NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    state text DEFAULT 'kept'::text NOT NULL,
    CONSTRAINT raw_object_state_check CHECK ((state = ANY (ARRAY['kept'::text, 'removing'::text, 'removed'::text])))
);

COMMENT ON TABLE raw_object IS 'What each day''s ingest had: the current version of each of IMDb''s files, and every batch of TMDB''s answers.';

COMMENT ON COLUMN raw_object.name IS 'Name of IMDb''s file, or tmdb for a batch of answers.';

COMMENT ON COLUMN raw_object.raw_key IS 'Key of the bytes in the bucket.';

COMMENT ON COLUMN raw_object.recorded_at IS 'Order of several versions or batches on one day.';

COMMENT ON COLUMN raw_object.state IS 'The same in all rows of one raw_key: kept, about to be removed from the bucket, or removed.';

CREATE TABLE skew_audit (
    audit_id text NOT NULL,
    feature text NOT NULL,
    compared bigint NOT NULL,
    mismatched bigint NOT NULL,
    example text,
    verdict text NOT NULL,
    day date NOT NULL,
    audited_at timestamp with time zone NOT NULL,
    CONSTRAINT skew_audit_check CHECK (((mismatched >= 0) AND (mismatched <= compared))),
    CONSTRAINT skew_audit_verdict_check CHECK ((verdict = ANY (ARRAY['passed'::text, 'failed'::text, 'accepted'::text])))
);

COMMENT ON TABLE skew_audit IS 'In how many of the audited predictions a feature differed online from offline; audit_skew writes it.';

COMMENT ON COLUMN skew_audit.audit_id IS 'Hash of the predictions that were audited: the same ones are recorded once.';

COMMENT ON COLUMN skew_audit.feature IS 'A feature, or what is counted like one: number of features, movie_id (has the movie an offline row), features_as_of.';

COMMENT ON COLUMN skew_audit.example IS 'A prediction in which it differed, for marquee replay.';

COMMENT ON COLUMN skew_audit.verdict IS 'Of the whole audit: accepted is what would have failed, but was let through by hand.';

CREATE TABLE task_lease (
    key text NOT NULL,
    token bigint NOT NULL,
    holder text NOT NULL,
    attempt integer,
    taken_at timestamp with time zone NOT NULL,
    backend_pid integer NOT NULL,
    backend_start timestamp with time zone NOT NULL,
    CONSTRAINT task_lease_attempt_check CHECK ((attempt > 0))
);

COMMENT ON TABLE task_lease IS 'Which attempt of each verb may commit: the one whose token is here. Every commit locks the row and compares.';

COMMENT ON COLUMN task_lease.holder IS 'The DAG run''s task, or the person''s host and process; a later attempt of the same holder takes over.';

COMMENT ON COLUMN task_lease.backend_pid IS 'With backend_start, the session that the holder keeps open: while it is in pg_stat_activity, it lives.';

CREATE SEQUENCE task_lease_token
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

COMMENT ON SEQUENCE task_lease_token IS 'Tokens of task_lease: a greater one is newer, and none comes twice, whatever becomes of the rows.';

CREATE TABLE tmdb_movie (
    movie_id text NOT NULL,
    tmdb_id bigint NOT NULL,
    title text,
    original_language text,
    release_date date,
    runtime_minutes integer,
    budget bigint,
    status text,
    adult boolean,
    overview text,
    tagline text,
    genres text[] NOT NULL,
    companies text[] NOT NULL,
    countries text[] NOT NULL,
    spoken_languages text[] NOT NULL,
    keywords text[] NOT NULL,
    cast_size integer NOT NULL,
    crew_size integer NOT NULL,
    revenue bigint,
    popularity double precision,
    vote_average double precision,
    vote_count integer,
    raw_key text NOT NULL,
    raw_row integer NOT NULL,
    CONSTRAINT tmdb_movie_budget_check CHECK ((budget > 0)),
    CONSTRAINT tmdb_movie_movie_id_check CHECK ((movie_id ~ '^tt[0-9]{7,10}$'::text)),
    CONSTRAINT tmdb_movie_revenue_check CHECK ((revenue > 0))
);

COMMENT ON TABLE tmdb_movie IS 'The latest answer of TMDB GET /3/movie/{id} for each movie it knows.';

COMMENT ON COLUMN tmdb_movie.original_language IS 'ISO 639-1; null where TMDB says xx, which is its word for unknown.';

COMMENT ON COLUMN tmdb_movie.budget IS 'US dollars; null where TMDB says 0, which is its word for unknown.';

COMMENT ON COLUMN tmdb_movie.revenue IS 'US dollars. Known only after release: never a pre-release feature; so are popularity and the votes.';

COMMENT ON COLUMN tmdb_movie.raw_key IS 'Object in S3 with the answer''s bytes; raw_row is its row there.';

CREATE TABLE tmdb_request (
    movie_id text NOT NULL,
    outcome text NOT NULL,
    tmdb_id bigint,
    status smallint NOT NULL,
    raw_key text NOT NULL,
    raw_row integer NOT NULL,
    requested_on date NOT NULL,
    blank_since date,
    CONSTRAINT tmdb_request_outcome_check CHECK ((outcome = ANY (ARRAY['found'::text, 'absent'::text, 'quarantined'::text])))
);

COMMENT ON TABLE tmdb_request IS 'The ledger of movies asked of TMDB: what is in it is not asked again until TMDB says it changed or it is old.';

COMMENT ON COLUMN tmdb_request.blank_since IS 'The first day of the requests without a usable answer; null if the last one had one.';

ALTER TABLE ONLY credit
    ADD CONSTRAINT credit_pkey PRIMARY KEY (movie_id, ordering);

ALTER TABLE ONLY crew
    ADD CONSTRAINT crew_pkey PRIMARY KEY (movie_id);

ALTER TABLE ONLY deployment
    ADD CONSTRAINT deployment_pkey PRIMARY KEY (deployment);

ALTER TABLE ONLY feature_set
    ADD CONSTRAINT feature_set_pkey PRIMARY KEY (feature_set);

ALTER TABLE ONLY ingested_file
    ADD CONSTRAINT ingested_file_pkey PRIMARY KEY (name, sha256);

ALTER TABLE ONLY movie
    ADD CONSTRAINT movie_pkey PRIMARY KEY (movie_id);

ALTER TABLE ONLY movies_schema_version
    ADD CONSTRAINT movies_schema_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY person
    ADD CONSTRAINT person_pkey PRIMARY KEY (person_id);

ALTER TABLE ONLY prediction
    ADD CONSTRAINT prediction_pkey PRIMARY KEY (movie_id);

ALTER TABLE ONLY prediction_set
    ADD CONSTRAINT prediction_set_pkey PRIMARY KEY (prediction_set);

ALTER TABLE ONLY quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (source, raw_key, line);

ALTER TABLE ONLY rating
    ADD CONSTRAINT rating_pkey PRIMARY KEY (movie_id);

ALTER TABLE ONLY raw_object
    ADD CONSTRAINT raw_object_pkey PRIMARY KEY (name, raw_key, day);

ALTER TABLE ONLY skew_audit
    ADD CONSTRAINT skew_audit_pkey PRIMARY KEY (audit_id, feature);

ALTER TABLE ONLY task_lease
    ADD CONSTRAINT task_lease_pkey PRIMARY KEY (key);

ALTER TABLE ONLY tmdb_movie
    ADD CONSTRAINT tmdb_movie_pkey PRIMARY KEY (movie_id);

ALTER TABLE ONLY tmdb_movie
    ADD CONSTRAINT tmdb_movie_tmdb_id_key UNIQUE (tmdb_id);

ALTER TABLE ONLY tmdb_request
    ADD CONSTRAINT tmdb_request_pkey PRIMARY KEY (movie_id);

CREATE UNIQUE INDEX deployment_live ON deployment USING btree ((true)) WHERE ((live_at IS NOT NULL) AND (ended_at IS NULL));

CREATE UNIQUE INDEX ingested_file_current ON ingested_file USING btree (name) WHERE is_current;

CREATE INDEX raw_object_day ON raw_object USING btree (day);

CREATE INDEX skew_audit_audited_at ON skew_audit USING btree (audited_at);

ALTER TABLE ONLY deployment
    ADD CONSTRAINT deployment_replaces_fkey FOREIGN KEY (replaces) REFERENCES deployment(deployment);
