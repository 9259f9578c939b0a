"""Providers as loopback servers that follow a script."""
