"""Buying for baht: reservations, quotes, payments at the bridge."""
