"""Makes the test vectors; run as ``python protocol/vectors/generator``."""
