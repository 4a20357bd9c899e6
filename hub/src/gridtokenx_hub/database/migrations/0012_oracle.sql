-- The price oracle: what it was told each time, what it posted or why not, and the operators' own rates.
CREATE TABLE oracle_rounds (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    began_at    timestamptz NOT NULL,
    sources     jsonb NOT NULL,               -- of each: name, and micro_thb_per_grx or error and detail
    median_micro_thb_per_grx bigint,          -- of those that told a rate
    doubt       text CHECK (doubt IN ('too_few', 'jump', 'no_chain')), -- why that was not the rate
    basis       text CHECK (basis IN ('median', 'manual')),
    micro_thb_per_grx bigint,                 -- what was to be posted, null for nothing
    tx_signature text,
    outcome     text NOT NULL CHECK (outcome IN ('withheld', 'sent', 'posted', 'failed')),
    detail      text NOT NULL DEFAULT '',     -- why it failed
    CHECK ((outcome = 'withheld') = (micro_thb_per_grx IS NULL)),
    CHECK ((basis IS NULL) = (micro_thb_per_grx IS NULL))
);
CREATE INDEX oracle_rounds_began ON oracle_rounds (began_at);
CREATE INDEX oracle_rounds_sent ON oracle_rounds (id) WHERE outcome = 'sent';
CREATE INDEX oracle_rounds_posted ON oracle_rounds (id) WHERE outcome = 'posted';

CREATE TABLE manual_rates (                   -- for when the sources do not do; one at most is in force
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    micro_thb_per_grx bigint NOT NULL CHECK (micro_thb_per_grx BETWEEN 1 AND 1000000000000),
    reason      text NOT NULL,
    set_by      text NOT NULL,                -- a token by its number and label, or who ran the command
    set_at      timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL CHECK (ends_at > set_at),
    revoked_by  text,
    revoked_at  timestamptz,
    CHECK ((revoked_by IS NULL) = (revoked_at IS NULL))
);
