-- Each order of sorting has what the other bounds ask for in its index: orders that are too cheap or too
-- small are passed over there, and never read.
DROP INDEX orders_active;
CREATE INDEX orders_active ON orders
    (price_micro_grx, number, (amount_mwh - filled_mwh - reserved_mwh)) WHERE status = 'active';
DROP INDEX orders_left;
CREATE INDEX orders_left ON orders
    ((amount_mwh - filled_mwh - reserved_mwh), number, price_micro_grx) WHERE status = 'active';
DROP INDEX orders_age;
CREATE INDEX orders_age ON orders
    (number, price_micro_grx, (amount_mwh - filled_mwh - reserved_mwh)) WHERE status = 'active';
