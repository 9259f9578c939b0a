"""Search in a repository: its entities, prose and source files, in an index that is one SQLite file.

All of it is synchronous, and takes a connection; vectors are handed in. Nothing here knows who makes them.
"""
