"""Payments in baht: the bridge on its EVM chain, listened to and paid out."""
