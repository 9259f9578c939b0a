"""The context repository: a Git repository of YAML entities, written by people and by this program.

Read everything, complain precisely, change only what was asked.
"""
