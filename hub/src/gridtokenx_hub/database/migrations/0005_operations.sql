-- The registrar is also asked to suspend a meter, for two readings of one sequence that are too long
-- for the chain to be shown: such a request names the proof in place of a code.
ALTER TABLE registrar_requests
    ALTER COLUMN code_id DROP NOT NULL,
    ADD COLUMN meter_id bytea,
    ADD COLUMN sequence bigint,
    ADD FOREIGN KEY (meter_id, sequence) REFERENCES equivocations (meter_id, sequence) MATCH FULL,
    ADD CHECK (num_nonnulls(code_id, sequence) = 1);

CREATE INDEX settlements_refused ON settlements (id) WHERE status = 'refused';
