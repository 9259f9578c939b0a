"""Vectors: who makes them, of what, and when."""
