"""Users, their wallets and balances, and energy that they redeem."""
