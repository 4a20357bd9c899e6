CREATE TABLE equivocations (                  -- two readings of one sequence that a meter's key signed: the proof
    meter_id    bytea NOT NULL,
    sequence    bigint NOT NULL,
    algorithm   smallint NOT NULL,            -- of the key: 0 Ed25519, 1 P-256
    public_key  bytea NOT NULL,
    first_message bytea NOT NULL,             -- COSE_Sign1, the one that has the verdict
    second_message bytea NOT NULL,            -- COSE_Sign1, as it came
    found_at    timestamptz NOT NULL DEFAULT now(),
    reported_at timestamptz,                  -- when the chain had answered
    tx_signature text,                        -- that suspended the meter
    error       text,                         -- why the chain does not take the proof
    PRIMARY KEY (meter_id, sequence)
);
CREATE UNIQUE INDEX equivocations_open ON equivocations (meter_id) WHERE reported_at IS NULL;

CREATE TABLE device_status (                  -- what each device said last of itself; not signed
    meter_id    bytea PRIMARY KEY,
    online      boolean NOT NULL,
    session     bigint NOT NULL,              -- Unix ms at which its connection was made
    oldest_sequence bigint NOT NULL,          -- that it still holds; 0 for none
    last_sequence bigint NOT NULL,            -- that it used
    version     text NOT NULL,
    profile     text NOT NULL,
    changed_at  timestamptz NOT NULL
);

CREATE TABLE commands (                       -- to devices: an outbox
    meter_id    bytea NOT NULL REFERENCES meters (meter_id),
    number      bigint NOT NULL,              -- rises; Unix ms, so that it does so after a restore as well
    kind        smallint NOT NULL,            -- 1 read now, 2 send again
    from_sequence bigint NOT NULL,            -- to send again from; 0 for others
    expires_ms  bigint NOT NULL,
    created_at  timestamptz NOT NULL,
    sent_at     timestamptz,                  -- when the broker had it
    PRIMARY KEY (meter_id, number)
);
CREATE INDEX commands_unsent ON commands (number) WHERE sent_at IS NULL;

-- The transaction that wrote a reading: by it the roll-ups know what is new, in whatever order
-- transactions end.
ALTER TABLE readings ADD COLUMN commit_id bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint);
CREATE INDEX readings_commit ON readings USING brin (commit_id) WITH (autosummarize = on);

CREATE TABLE quarter_hours (                  -- a reading at the very boundary closes its quarter-hour
    meter_id    bytea NOT NULL,
    start       timestamptz NOT NULL,
    readings    integer NOT NULL,
    last_sequence bigint NOT NULL,            -- of the last reading, and its registers
    produced_mwh bigint NOT NULL,
    consumed_mwh bigint NOT NULL,
    surplus_mwh bigint NOT NULL,
    lowest_power_mw bigint,                   -- null when there are settlement readings alone
    highest_power_mw bigint,
    PRIMARY KEY (meter_id, start)
) PARTITION BY RANGE (start);
CREATE TABLE quarter_hours_default PARTITION OF quarter_hours DEFAULT;

CREATE TABLE days (                           -- UTC; the same of a day, kept for ever
    meter_id    bytea NOT NULL,
    start       timestamptz NOT NULL,
    readings    integer NOT NULL,
    last_sequence bigint NOT NULL,
    produced_mwh bigint NOT NULL,
    consumed_mwh bigint NOT NULL,
    surplus_mwh bigint NOT NULL,
    lowest_power_mw bigint,
    highest_power_mw bigint,
    PRIMARY KEY (meter_id, start)
);

CREATE TABLE rollup_state (                   -- readings of transactions before this one are rolled up
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    commit_id   bigint NOT NULL,
    system_identifier text NOT NULL           -- of the cluster whose transactions are meant
);
INSERT INTO rollup_state (commit_id, system_identifier)
SELECT pg_current_xact_id()::text::bigint, system_identifier::text FROM pg_control_system();
