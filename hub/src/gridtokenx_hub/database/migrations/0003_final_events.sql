-- An event is provisional until its transaction is final: until then a fork may take it back.
ALTER TABLE events ADD COLUMN final boolean NOT NULL DEFAULT false;
CREATE INDEX events_provisional ON events (program, sequence) WHERE NOT final;
