"""A guardian of the baht bridge: it signs what it has seen to be final on both chains."""
