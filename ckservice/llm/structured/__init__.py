"""Answers in the form of a JSON Schema: how each provider is asked for one, and what is done with what comes."""
