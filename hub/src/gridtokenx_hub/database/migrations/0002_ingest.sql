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
