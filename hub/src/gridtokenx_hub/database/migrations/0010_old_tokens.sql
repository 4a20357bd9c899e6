-- Tokens and sessions that are good no more are deleted by age: what points to them is looked for.
CREATE INDEX api_tokens_parent ON api_tokens (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX provisioning_codes_issuer ON provisioning_codes (issued_by);
