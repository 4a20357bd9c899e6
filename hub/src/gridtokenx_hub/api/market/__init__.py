"""The order book: orders, offers, trades, search, statistics."""
