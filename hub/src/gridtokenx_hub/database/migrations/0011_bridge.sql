-- Paying in baht: accounts on the EVM chain, what the hub has quoted, and what the bridge says of it.
CREATE TABLE evm_accounts (                   -- from which users pay; a refund goes to one that was
    address     bytea PRIMARY KEY CHECK (octet_length(address) = 20),  -- in use, so all are kept
    user_id     bigint NOT NULL REFERENCES users (id),
    key_id      text,                         -- null, as the next two, where the user holds the key
    nonce       bytea,
    ciphertext  bytea,
    chosen_at   timestamptz NOT NULL,         -- a user's newest is the one in use
    CHECK ((key_id IS NULL) = (nonce IS NULL) AND (key_id IS NULL) = (ciphertext IS NULL))
);
CREATE INDEX evm_accounts_user ON evm_accounts (user_id, chosen_at DESC);
CREATE UNIQUE INDEX evm_accounts_held ON evm_accounts (user_id) WHERE key_id IS NOT NULL;

CREATE TABLE quotes (                         -- made once for each reservation, and never changed
    reservation_id text PRIMARY KEY,          -- the reservation's address on Solana
    order_id    text NOT NULL,
    user_id     bigint NOT NULL REFERENCES users (id),
    buyer_wallet text NOT NULL,
    payer       bytea NOT NULL CHECK (octet_length(payer) = 20),
    micro_thbc  bigint NOT NULL CHECK (micro_thbc > 0),
    pay_deadline timestamptz NOT NULL,
    signature   bytea NOT NULL CHECK (octet_length(signature) = 65),
    created_at  timestamptz NOT NULL
);
CREATE INDEX quotes_user ON quotes (user_id, created_at DESC);

CREATE TABLE payments (                       -- as the bridge's events say; those of a block that is
    reservation_id text PRIMARY KEY,          -- orphaned are taken back
    payer       bytea NOT NULL CHECK (octet_length(payer) = 20),
    buyer_wallet text NOT NULL,
    micro_thbc  bigint NOT NULL,
    pay_deadline timestamptz NOT NULL,
    state       text NOT NULL CHECK (state IN ('locked', 'released', 'refunded')),
    block_number bigint NOT NULL,
    evm_transaction bytea NOT NULL,
    paid_at     timestamptz NOT NULL,         -- the block's time
    ended_block bigint,
    ended_transaction bytea,
    ended_at    timestamptz,
    CHECK ((state = 'locked') = (ended_block IS NULL))
);
CREATE INDEX payments_locked ON payments (pay_deadline) WHERE state = 'locked';
CREATE INDEX payments_block ON payments (block_number);

CREATE TABLE bridge_blocks (                  -- the listener's cursor is the highest; older ones down to
    number      bigint PRIMARY KEY,           -- a final one are kept to find where a reorg began
    hash        bytea NOT NULL CHECK (octet_length(hash) = 32)
);

CREATE TABLE evm_transactions (               -- the hub's own, stored before they are sent
    sender      bytea NOT NULL,
    nonce       bigint NOT NULL,
    raw         bytea NOT NULL,
    hash        bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    purpose     text NOT NULL CHECK (purpose IN ('pay', 'release', 'refund', 'gas')),
    reservation_id text,
    status      text NOT NULL CHECK (status IN ('sent', 'done', 'reverted', 'replaced')),
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (sender, nonce)
);
CREATE INDEX evm_transactions_open ON evm_transactions (sender, nonce) WHERE status = 'sent';

CREATE FUNCTION announce_payments() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NOTIFY payments; RETURN NULL; END $$;
CREATE TRIGGER payments_announced AFTER INSERT OR UPDATE OR DELETE ON payments
    FOR EACH STATEMENT EXECUTE FUNCTION announce_payments();
