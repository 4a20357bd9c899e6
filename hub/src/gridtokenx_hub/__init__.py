"""Verifies readings, settles them on chain, runs the market."""
