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
