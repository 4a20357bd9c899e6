"""Turns signed settlement readings into tokens: an outbox, sent at least once, effective once."""
