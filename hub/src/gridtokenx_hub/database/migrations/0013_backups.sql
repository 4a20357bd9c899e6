-- What `gtx-hub backup` has come to, so that operators see when there was a good one.
CREATE TABLE backups (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    began_at    timestamptz NOT NULL,         -- what was in the database then is in it
    ended_at    timestamptz NOT NULL,
    size_bytes  bigint,                       -- of one that is whole and on the disk
    failure     text,                         -- why there is none
    CHECK (num_nulls(size_bytes, failure) = 1)
);
CREATE INDEX backups_good ON backups (began_at) WHERE failure IS NULL;
