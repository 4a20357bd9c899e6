"""Who may do what: tokens, sessions, sign-in with a wallet, limits."""
