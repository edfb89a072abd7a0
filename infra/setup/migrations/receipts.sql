-- The receipts database as its migrations make it, to be read; `make schemas` writes this file.

CREATE TABLE receipt (
    prediction_id text NOT NULL,
    predicted_at timestamp with time zone CONSTRAINT receipt_answered_at_not_null NOT NULL,
    endpoint text CONSTRAINT receipt_way_not_null NOT NULL,
    source text NOT NULL,
    movie_id text NOT NULL,
    rating double precision NOT NULL,
    model_output real NOT NULL,
    model_version text NOT NULL,
    model_sha256 text NOT NULL,
    release_sha256 text,
    feature_set text NOT NULL,
    snapshot_id text NOT NULL,
    features_as_of timestamp with time zone NOT NULL,
    features real[],
    overrides jsonb,
    deployment bigint,
    CONSTRAINT receipt_endpoint_check CHECK ((endpoint = ANY (ARRAY['predict'::text, 'batch'::text, 'whatif'::text, 'grpc'::text]))),
    CONSTRAINT receipt_prediction_id_check CHECK ((length(prediction_id) = 32))
);

COMMENT ON TABLE receipt IS 'What each answer of the API was made of, so that it can be computed again. Written a moment after the answer, off its path.';

COMMENT ON COLUMN receipt.prediction_id IS 'As in the answer; sorts by time: 12 hex digits of Unix milliseconds, 12 of the worker, 8 of its counter.';

COMMENT ON COLUMN receipt.endpoint IS 'Where the question came in: predict (GET /predict), batch (POST /predict), whatif (POST /whatif) or grpc.';

COMMENT ON COLUMN receipt.source IS 'Where the rating came from: fresh or stale features and the model, or the published predictions, which are called prediction_set, and snapshot in older rows.';

COMMENT ON COLUMN receipt.rating IS 'As answered: rounded to 4 decimals.';

COMMENT ON COLUMN receipt.model_output IS 'What the model gave, before rounding.';

COMMENT ON COLUMN receipt.model_sha256 IS 'Of model.onnx.';

COMMENT ON COLUMN receipt.release_sha256 IS 'Of release.json; null for versions that were registered without one.';

COMMENT ON COLUMN receipt.feature_set IS 'The Feast project of the online rows; for a snapshot, of the rows that its ratings were made from.';

COMMENT ON COLUMN receipt.snapshot_id IS 'Snapshot of the offline table that the feature set was published from.';

COMMENT ON COLUMN receipt.features_as_of IS 'Event time of the feature row.';

COMMENT ON COLUMN receipt.features IS 'The model''s input in its own column order, NaN for unknown; null where no model ran (snapshot).';

COMMENT ON COLUMN receipt.overrides IS 'POST /whatif only: the features that the question replaced, null for unknown; features has them already.';

COMMENT ON COLUMN receipt.deployment IS 'The row of table deployment (movies database) that was live; null for answers of before there were deployments.';

CREATE TABLE receipts_schema_version (
    version_num character varying(32) NOT NULL
);

ALTER TABLE ONLY receipt
    ADD CONSTRAINT receipt_pkey PRIMARY KEY (prediction_id);

ALTER TABLE receipt
    ADD CONSTRAINT receipt_source_check CHECK ((source = ANY (ARRAY['fresh'::text, 'stale'::text, 'snapshot'::text, 'prediction_set'::text]))) NOT VALID;

ALTER TABLE ONLY receipts_schema_version
    ADD CONSTRAINT receipts_schema_version_pkc PRIMARY KEY (version_num);

CREATE INDEX receipt_predicted_at ON receipt USING btree (predicted_at);
