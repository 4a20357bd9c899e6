-- A wallet's seed follows from its number and the key file, so none is lost with the database.
CREATE SEQUENCE wallet_numbers;
ALTER TABLE wallets ADD COLUMN number bigint UNIQUE; -- null: its seed was drawn at random

CREATE TABLE forgotten (                      -- up to here the verdicts are let go of by age
    meter_id    bytea PRIMARY KEY,
    sequence    bigint NOT NULL
);

-- What goes by age is found by it.
CREATE INDEX quarantine_received ON quarantine USING brin (received_at) WITH (autosummarize = on);
CREATE INDEX idempotency_keys_created ON idempotency_keys
    USING brin (created_at) WITH (autosummarize = on);
