"""A request's transactions: once by its key, signed, sent, seen by the indexer."""
