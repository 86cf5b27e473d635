"""The tell stage: troubles, digests and closing messages, by the channels and the ledger of notify."""
