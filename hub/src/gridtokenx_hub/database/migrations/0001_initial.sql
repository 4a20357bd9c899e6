-- Energy is mWh, GRX is millionths, as in the chain's own registers; times on chain are Unix seconds.

CREATE TABLE hub_state (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch       bigint NOT NULL,              -- drawn anew when the hub is restored from a backup
    deployment  bytea NOT NULL CHECK (octet_length(deployment) = 4)
);

CREATE TABLE users (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    wallet      text NOT NULL UNIQUE,
    name        text NOT NULL,
    user_type   text NOT NULL CHECK (user_type IN ('prosumer', 'consumer')),
    registered_at timestamptz,                -- set by the indexer when the chain says so
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE wallets (                        -- wallets that the hub holds; the key that opens them is not in here
    wallet      text PRIMARY KEY,
    key_id      text NOT NULL,
    nonce       bytea NOT NULL,
    ciphertext  bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_tokens (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash  bytea NOT NULL UNIQUE,        -- SHA-256 of the bearer token
    role        text NOT NULL CHECK (role IN ('operator', 'installer', 'user')),
    user_id     bigint REFERENCES users (id),
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    revoked_at  timestamptz,
    CHECK ((role = 'user') = (user_id IS NOT NULL))
);

CREATE TABLE idempotency_keys (
    token_id    bigint NOT NULL REFERENCES api_tokens (id),
    key         text NOT NULL,
    request_hash bytea NOT NULL,
    status      smallint,                     -- null while the first call is under way
    body        jsonb,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (token_id, key)
);

CREATE TABLE meters (
    meter_id    bytea PRIMARY KEY CHECK (octet_length(meter_id) = 16),
    owner_wallet text NOT NULL,
    algorithm   smallint NOT NULL,            -- 0 Ed25519, 1 P-256
    public_key  bytea NOT NULL,
    status      text NOT NULL CHECK (status IN ('active', 'suspended', 'revoked')),
    export_limit_mw bigint NOT NULL,
    import_limit_mw bigint NOT NULL,
    daily_export_limit_mwh bigint NOT NULL,
    baseline_sequence bigint NOT NULL,
    baseline_time_ms bigint NOT NULL,
    baseline_produced_mwh bigint NOT NULL,
    baseline_consumed_mwh bigint NOT NULL,
    baseline_surplus_mwh bigint NOT NULL,
    baseline_hash bytea NOT NULL,
    registered_at timestamptz NOT NULL,
    previous_algorithm smallint,              -- of the key before the last rotation; null when none counts
    previous_public_key bytea,
    previous_key_last_sequence bigint NOT NULL DEFAULT 0
);

CREATE INDEX meters_revoked ON meters (meter_id) WHERE status = 'revoked';

CREATE TABLE provisioning_codes (             -- what the registrar may be asked to sign: by a code, or by whoever holds a token
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code_hash   bytea UNIQUE,                 -- SHA-256 of the code; null where a token asked directly and no code was shown
    purpose     text NOT NULL CHECK (purpose IN ('install', 'rotate_key', 'replace_meter', 'transfer', 'revoke')),
    issued_by   bigint NOT NULL REFERENCES api_tokens (id),
    user_id     bigint NOT NULL REFERENCES users (id), -- the owner
    new_user_id bigint REFERENCES users (id), -- the owner after a transfer
    meter_id    bytea CHECK (octet_length(meter_id) = 16), -- of an install code: drawn at its first claim
    serial      text,                         -- the only meter that may be claimed, where it is given
    export_limit_mw bigint,
    import_limit_mw bigint,
    daily_export_limit_mwh bigint,
    algorithm   smallint,                     -- the device key that claimed it
    public_key  bytea,
    reason      text,                         -- why a meter is revoked
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    claimed_at  timestamptz,
    done_at     timestamptz,
    withdrawn_at timestamptz,
    tx_signature text,                        -- the transaction that did what the code is for
    journal     jsonb NOT NULL DEFAULT '{}',  -- what was sent to the chain is written here before
    CHECK (purpose = 'install' OR meter_id IS NOT NULL),
    CHECK ((purpose = 'install') = (num_nulls(export_limit_mw, import_limit_mw, daily_export_limit_mwh) = 0)),
    CHECK ((purpose = 'transfer') = (new_user_id IS NOT NULL)),
    CHECK (num_nulls(algorithm, public_key) IN (0, 2))
);

CREATE TABLE registrar_requests (             -- from the API to the process that has the registrar's key, and back
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code_id     bigint NOT NULL REFERENCES provisioning_codes (id),
    message     bytea NOT NULL,               -- of the transaction, as it will be signed
    evidence    bytea,                        -- the reading that the device signed (COSE_Sign1)
    state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'signed', 'refused', 'abandoned')),
    signature   bytea,
    error       text,                         -- name of the refusal
    detail      text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    answered_at timestamptz
);
CREATE INDEX registrar_requests_open ON registrar_requests (id) WHERE state = 'open';

CREATE TABLE certificates (                   -- client certificates of devices, for the revocation list
    serial_number bytea PRIMARY KEY,
    meter_id    bytea NOT NULL,
    issued_at   timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX certificates_meter ON certificates (meter_id);

CREATE TABLE exclusions (                     -- revoked meters, and when the broker let go of each
    meter_id    bytea PRIMARY KEY,
    decided_at  timestamptz NOT NULL,
    excluded_at timestamptz
);

CREATE TABLE readings (
    meter_id    bytea NOT NULL,
    sequence    bigint NOT NULL,
    time        timestamptz NOT NULL,
    time_ms     bigint NOT NULL,              -- exactly what the device signed
    produced_mwh bigint NOT NULL,
    consumed_mwh bigint NOT NULL,
    surplus_mwh bigint NOT NULL,
    active_power_mw bigint NOT NULL,
    voltage_mv  bigint NOT NULL,
    current_ma  integer NOT NULL,
    frequency_mhz bigint NOT NULL,
    flags       bigint NOT NULL,
    previous_hash bytea NOT NULL,
    hash        bytea NOT NULL,               -- SHA-256 of the record with its extras
    extras      bytea,                        -- deterministic CBOR, as signed
    algorithm   smallint NOT NULL,            -- COSE algorithm identifier, as signed
    signature   bytea NOT NULL,
    first_sequence bigint NOT NULL,           -- first record of the message that carried this one
    record_count smallint NOT NULL,           -- records in that message: it can be put together again from its rows
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (meter_id, sequence, time)
) PARTITION BY RANGE (time);

CREATE INDEX readings_time ON readings USING brin (time);
CREATE INDEX readings_settlement ON readings (meter_id, sequence) WHERE flags & 4 <> 0;

CREATE TABLE readings_default PARTITION OF readings DEFAULT; -- months that have no partition

CREATE TABLE verdicts (                       -- one per sequence, for ever: the dedup table
    meter_id    bytea NOT NULL,
    sequence    bigint NOT NULL,
    hash        bytea NOT NULL,
    verdict     smallint NOT NULL CHECK (verdict IN (1, 2)), -- 1 stored, 2 quarantined
    PRIMARY KEY (meter_id, sequence)
);

CREATE TABLE losses (                         -- the third verdict: spans that the device declared lost
    meter_id    bytea NOT NULL,
    first_sequence bigint NOT NULL,
    last_sequence bigint NOT NULL,            -- a reading of the span that turns up later is stored all the same
    declared_by bigint NOT NULL,              -- sequence of the signed reading that says so
    PRIMARY KEY (meter_id, last_sequence, first_sequence),
    CHECK (first_sequence <= last_sequence AND last_sequence < declared_by)
);

CREATE TABLE acks (                           -- locked in the transaction that commits readings
    meter_id    bytea PRIMARY KEY,
    sequence    bigint NOT NULL,              -- up to here every reading has a verdict
    hash        bytea NOT NULL,               -- of that reading; zeros when it is declared lost
    highest_sequence bigint NOT NULL DEFAULT 0, -- that has a verdict: above sequence when some below it are missing
    produced_mwh bigint NOT NULL DEFAULT 0,   -- registers of the last stored reading up to sequence
    consumed_mwh bigint NOT NULL DEFAULT 0,
    surplus_mwh bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE quarantine (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now(),
    topic       text NOT NULL,
    meter_id    bytea,
    sequence    bigint,
    reason      text NOT NULL,
    detail      text NOT NULL,
    payload     bytea NOT NULL
);

CREATE TABLE settlements (                    -- also the settlement outbox: written before anything is sent
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meter_id    bytea NOT NULL,
    sequence    bigint NOT NULL,
    time_ms     bigint NOT NULL,
    record      bytea NOT NULL CHECK (octet_length(record) = 120),
    algorithm   smallint NOT NULL,
    signature   bytea NOT NULL,
    status      text NOT NULL CHECK (status IN ('pending', 'sent', 'settled', 'refused', 'superseded')),
    tx_signature text,
    tx_position smallint,                     -- among the settlements of that transaction, from 0
    last_valid_block_height bigint,
    attempts    integer NOT NULL DEFAULT 0,
    error       text,
    minted_mwh  bigint,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (meter_id, sequence)
);
CREATE INDEX settlements_open ON settlements (id) WHERE status IN ('pending', 'sent');

CREATE TABLE lookup_tables (                  -- on chain, for settlement; noted before they are made
    address     text PRIMARY KEY,
    recent_slot bigint NOT NULL,              -- that the address comes from
    addresses   text[] NOT NULL               -- that it holds or was to hold: the chain knows which
);

CREATE TABLE ledgers (                        -- the chain's ledger account of each meter, as its events tell it
    meter_id    bytea PRIMARY KEY,
    last_sequence bigint NOT NULL,
    last_time_ms bigint NOT NULL,
    produced_mwh bigint NOT NULL,
    consumed_mwh bigint NOT NULL,
    surplus_mwh bigint NOT NULL,
    minted_mwh  bigint NOT NULL
);

CREATE TABLE orders (
    order_id    text PRIMARY KEY,             -- the order's address
    number      bigint NOT NULL UNIQUE,
    seller_wallet text NOT NULL,
    amount_mwh  bigint NOT NULL,
    filled_mwh  bigint NOT NULL,
    reserved_mwh bigint NOT NULL DEFAULT 0,   -- held for buyers who pay in baht
    price_micro_grx bigint NOT NULL,          -- per kWh
    status      text NOT NULL CHECK (status IN ('active', 'matching', 'filled', 'cancelled', 'expired')),
    buyer_wallet text,                        -- of the last fill
    expires_at  timestamptz,
    created_at  timestamptz NOT NULL,
    filled_at   timestamptz,
    closed_at   timestamptz,                  -- its accounts are gone
    tx_signature text NOT NULL
);
CREATE INDEX orders_active ON orders (price_micro_grx, number) WHERE status = 'active';

CREATE TABLE offers (                         -- to buy, with GRX in escrow
    offer_id    text PRIMARY KEY,             -- the offer's address
    number      bigint NOT NULL UNIQUE,
    buyer_wallet text NOT NULL,
    amount_mwh  bigint NOT NULL,
    filled_mwh  bigint NOT NULL,
    price_micro_grx bigint NOT NULL,          -- per kWh
    status      text NOT NULL CHECK (status IN ('active', 'filled', 'cancelled', 'expired')),
    expires_at  timestamptz,
    created_at  timestamptz NOT NULL,
    tx_signature text NOT NULL
);

CREATE TABLE reservations (                   -- parts of orders that are being paid for in baht
    reservation_id text PRIMARY KEY,          -- the reservation's address
    order_id    text NOT NULL REFERENCES orders (order_id),
    buyer_wallet text NOT NULL,
    amount_mwh  bigint NOT NULL,
    micro_grx   bigint NOT NULL,
    micro_thbc  bigint NOT NULL,
    pay_deadline timestamptz NOT NULL,
    hold_until  timestamptz NOT NULL,
    status      text NOT NULL CHECK (status IN ('open', 'matched', 'released')),
    ended_at    timestamptz,
    tx_signature text NOT NULL
);

CREATE TABLE prices (                         -- of the chain's price feed
    event_sequence bigint PRIMARY KEY,
    micro_thb_per_grx bigint NOT NULL,
    timestamp   timestamptz NOT NULL
);

CREATE TABLE transactions (                   -- trades, one row per fill
    event_sequence bigint PRIMARY KEY,
    order_id    text NOT NULL,                -- the order, or the offer that was accepted
    seller_wallet text NOT NULL,
    buyer_wallet text NOT NULL,
    amount_mwh  bigint NOT NULL,
    price_micro_grx bigint NOT NULL,
    total_micro_grx bigint NOT NULL,
    payment_method text NOT NULL CHECK (payment_method IN ('GRX', 'THB')),
    tx_signature text NOT NULL,
    timestamp   timestamptz NOT NULL
);
CREATE INDEX transactions_seller ON transactions (seller_wallet, event_sequence DESC);
CREATE INDEX transactions_buyer ON transactions (buyer_wallet, event_sequence DESC);

CREATE TABLE events (                         -- every event of our programs, in the order of its program
    program     text NOT NULL,
    sequence    bigint NOT NULL,
    slot        bigint NOT NULL,
    tx_signature text NOT NULL,
    name        text NOT NULL,
    data        jsonb NOT NULL,
    PRIMARY KEY (program, sequence)
);
CREATE INDEX events_transaction ON events (tx_signature);

CREATE TABLE watermarks (                     -- the only truth about how far the indexer is
    program     text PRIMARY KEY,
    tx_signature text,
    slot        bigint NOT NULL,
    event_sequence bigint NOT NULL            -- sequence of the last event applied; 0 before the first
);
