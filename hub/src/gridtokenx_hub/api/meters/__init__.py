"""Meters and what they recorded."""
