"""Decisions that stand for ever, and the signatures that follow from them."""
