"""The EVM side: the bridge as a guardian's own endpoint shows it, and what releases a payment."""
