"""The built Solana programs, their IDL files and a client made from them."""
