"""Which payments there are: `PaymentReceived`, followed block by block, and back on a reorg."""
