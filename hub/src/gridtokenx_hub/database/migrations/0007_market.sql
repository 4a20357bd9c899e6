-- Each list of the market is read by an index in its order, and new events announce themselves.
ALTER TABLE offers ADD COLUMN closed_at timestamptz; -- its accounts are gone
UPDATE offers SET closed_at = to_timestamp((e.data ->> 'timestamp')::bigint)
FROM events e
WHERE e.program = 'trading' AND e.name = 'OfferClosed' AND e.data ->> 'offer' = offer_id;

CREATE INDEX orders_seller ON orders (seller_wallet, number);
CREATE INDEX orders_left ON orders ((amount_mwh - filled_mwh - reserved_mwh), number) WHERE status = 'active';
CREATE INDEX orders_age ON orders (number) WHERE status = 'active';
CREATE INDEX orders_created ON orders (created_at);
CREATE INDEX orders_due ON orders (expires_at) WHERE status = 'active' AND expires_at IS NOT NULL;
CREATE INDEX orders_over ON orders (created_at)
    WHERE closed_at IS NULL AND status IN ('filled', 'cancelled', 'expired');

CREATE INDEX offers_active ON offers (price_micro_grx DESC, number) WHERE status = 'active';
CREATE INDEX offers_buyer ON offers (buyer_wallet, number);
CREATE INDEX offers_due ON offers (expires_at) WHERE status = 'active' AND expires_at IS NOT NULL;
CREATE INDEX offers_over ON offers (created_at)
    WHERE closed_at IS NULL AND status IN ('filled', 'cancelled', 'expired');

CREATE INDEX transactions_time ON transactions (timestamp);
CREATE INDEX transactions_order ON transactions (order_id, event_sequence);
CREATE INDEX reservations_order ON reservations (order_id);
CREATE INDEX users_name ON users (lower(name) text_pattern_ops);
CREATE INDEX meters_owner ON meters (owner_wallet, meter_id);
CREATE INDEX quarantine_meter ON quarantine (meter_id, id);
CREATE INDEX events_slot ON events (slot, program, sequence);
CREATE INDEX events_transfers ON events ((data ->> 'meter_id')) WHERE name = 'MeterTransferred';

CREATE FUNCTION announce_events() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NOTIFY events; RETURN NULL; END $$;
CREATE TRIGGER events_announced AFTER INSERT ON events
    FOR EACH STATEMENT EXECUTE FUNCTION announce_events();
