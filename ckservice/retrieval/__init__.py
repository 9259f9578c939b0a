"""Search in a repository: its entities, prose and source files, in an index that is one SQLite file.

`files` knows what there is, `chunking` takes it apart, `storage` keeps it and `ranking` finds it: they are synchronous, and take
a connection. `embedding` asks for vectors, and knows no provider. `RepositoryIndex` is all of it, for an event loop.
"""
