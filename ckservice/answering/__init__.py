"""Answers from what was found in a repository, with citations."""
