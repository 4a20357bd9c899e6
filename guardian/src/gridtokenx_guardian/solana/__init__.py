"""The Solana side: market, reservations and trades as a guardian's own endpoint shows them."""
