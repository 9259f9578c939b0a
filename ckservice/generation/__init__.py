"""Entities written by a model: asked for by schema, checked against the repository, repaired, rendered."""
