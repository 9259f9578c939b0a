"""Prompts for other AIs, made of an entity and what belongs to it."""
