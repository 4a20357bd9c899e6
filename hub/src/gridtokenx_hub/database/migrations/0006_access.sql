-- Tokens have names, sessions are tokens that a browser keeps, and users may register themselves.
ALTER TABLE api_tokens
    ADD COLUMN label text NOT NULL DEFAULT '',
    ADD COLUMN last_used_at timestamptz,      -- to the minute
    ADD COLUMN parent_id bigint REFERENCES api_tokens (id); -- of a session: the token that it was made from
CREATE INDEX api_tokens_user ON api_tokens (user_id) WHERE user_id IS NOT NULL;

ALTER TABLE users ADD COLUMN self_registered boolean NOT NULL DEFAULT false;
CREATE INDEX users_self_registered ON users (created_at) WHERE self_registered;
