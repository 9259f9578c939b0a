"""Language models: one small protocol, one file for each provider, one gateway in front of them."""
